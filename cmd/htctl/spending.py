"""What the posts of bots have cost: of each account that X was asked for, by its index in the store, read once."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

from htctl import output, runs
from pipeline import accounts
from pipeline.accounts import Account
from pipeline.layout import RunKeys
from pipeline.store import Store

AT_ONCE = 16  # requests to the store
X = "x"  # the one source that takes money


class Spent(NamedTuple):
    """Posts of accounts that X was asked for, as the store has them, and what was paid for these accounts so far."""

    posts: int = 0
    dollars: float = 0.0

    @property
    def cell(self) -> str:
        """In a table."""
        return output.dollars(self.dollars) if self.dollars else ""


@dataclass(frozen=True)
class Spending:
    """What runs have cost: each by (bot, run), and all together, an account that several need once."""

    of_runs: Mapping[tuple[str, str], Spent]
    total: Spent

    def of(self, bot: str, run: str) -> Spent:
        """A run's; nothing where the store does not know of it."""
        return self.of_runs.get((bot, run), Spent())

    def as_json(self) -> dict[str, Any]:
        """The total for programs."""
        return {"posts": self.total.posts, "spent": round(self.total.dollars, 2)}


def read(store: Store, wanted: Iterable[tuple[str, str]]) -> Spending:
    """Of runs by (bot, run): each one's config tells whom X was asked for, and each account is read once."""
    wanted = list(dict.fromkeys(each for each in wanted if all(each)))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = dict(zip(wanted, pool.map(lambda each: _of_x(store, *each), wanted), strict=True))
        names = list(dict.fromkeys(name for found in asked.values() for name in found))
        known = dict(zip(names, pool.map(lambda name: accounts.read(store, X, name), names), strict=True))
    return Spending({run: _sum(known[name] for name in found) for run, found in asked.items()}, _sum(known.values()))


def _of_x(store: Store, bot: str, run: str) -> Sequence[str]:
    """The accounts of a run that X was asked for, in lower case; none where its config is not there yet."""
    asked = (runs.object_at(store, RunKeys(bot, run).config) or {}).get("asked") or {}
    names = [str(handle).lower() for handle in asked.get("handles") or ()]
    sources, files = asked.get("sources") or {}, asked.get("posts") or {}
    return [name for name in names if name not in files and sources.get(name, asked.get("source")) == X]


def _sum(found: Iterable[Account | None]) -> Spent:
    there = [account for account in found if account]
    return Spent(sum(account.posts for account in there), round(sum(account.spent for account in there), 6))
