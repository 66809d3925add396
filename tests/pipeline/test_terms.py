import pytest

from pipeline.errors import TooDearError
from pipeline.terms import Budget, Terms


def test_any_number_of_dollars_unless_there_is_a_limit() -> None:
    Budget().check(1e9)


def test_what_may_pass_the_limit_is_too_dear() -> None:
    budget = Budget(1.0)
    budget.check(1.0)
    budget.spent = 0.6
    budget.check(0.4)
    with pytest.raises(TooDearError, match=r"\$0.60 are spent, and the next question may cost \$0.50"):
        budget.check(0.5)


def test_what_costs_nothing_is_never_too_dear() -> None:
    budget = Budget(0)
    budget.check(0)


def test_accounts_that_are_fetched_together_share_no_budget_by_accident() -> None:
    assert Terms().budget is not Terms().budget
