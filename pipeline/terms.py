"""On which terms accounts are fetched: prices, how much may be spent, how long a silent holder is waited for."""

from dataclasses import dataclass, field

from pipeline.accounts import FREE, Prices
from pipeline.errors import TooDearError


class Budget:
    """Dollars that may be spent by this process; None: any number."""

    def __init__(self, limit: float | None = None) -> None:
        self.limit, self.spent = limit, 0.0

    def check(self, cost: float) -> None:
        """Raise TooDearError where a question that may cost so much could pass the limit."""
        if self.limit is not None and cost and self.spent + cost > self.limit + 1e-9:
            raise TooDearError(
                f"${self.spent:,.2f} are spent, and the next question may cost ${cost:,.2f}, more than --max-cost "
                f"{self.limit:g} leaves; what was fetched is kept, and the same command with more goes on there"
            )


@dataclass(frozen=True)
class Terms:
    """How an account is fetched: at which prices, with which lease, what is asked for again, how much."""

    prices: Prices = FREE
    lease_seconds: float = 60.0
    refresh: bool = False  # what is newer
    anew: bool = False  # all that there is now: what is not among it was taken back
    budget: Budget = field(default_factory=Budget)
    posts: int = 0  # of an account, the newest; 0: all that the source gives

    @property
    def again(self) -> bool:
        """Whether an account that is whole in the store is asked about all the same."""
        return self.refresh or self.anew
