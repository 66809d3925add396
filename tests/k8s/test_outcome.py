import pytest

from k8s import outcome


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], ""),
        ([("Suspended", "True")], ""),
        ([("Complete", "False")], ""),
        ([("SuccessCriteriaMet", "True"), ("Complete", "True")], "complete"),
        ([("Failed", "True"), ("Suspended", "False")], "failed"),
    ],
)
def test_a_condition_counts_wherever_it_stands(conditions: list[tuple[str, str]], expected: str) -> None:
    found = [{"type": kind, "status": value} for kind, value in conditions]
    assert outcome.ended({"metadata": {}, "status": {"conditions": found}}) == expected


def test_a_job_without_a_status_goes_on() -> None:
    assert outcome.ended({"metadata": {}}) == ""


def test_a_job_with_a_deletion_time_is_deleted() -> None:
    assert outcome.is_deleted({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})
    assert not outcome.is_deleted({"metadata": {}})
