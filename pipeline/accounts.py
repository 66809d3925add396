"""The index of an account's posts in the store: its profile, how far its posts are fetched, what they cost."""

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline.layout import AccountKeys
from pipeline.settings import Scrape
from pipeline.store import Store
from pipeline.sweeps import Sweep as Sweep

MOST = {"x": 3200}  # posts that a source gives of an account; sources that are not named give all


class Prices(NamedTuple):
    """What a source asks, in dollars, for each post and for each account that it looks up."""

    post: float = 0.0
    account: float = 0.0


FREE = Prices()


def prices(source: str, settings: Scrape) -> Prices:
    """What a source asks: X takes money, the others do not."""
    return Prices(settings.post_price, settings.account_price) if source == "x" else FREE


class Profile(NamedTuple):
    """An account as its source describes it; "" or None where the source does not say."""

    id: str  # what the source itself calls the account, which outlives a change of handle
    handle: str  # as the source spells it now
    name: str  # the display name
    description: str
    avatar: str  # address of the picture
    created_at: str  # ISO 8601
    protected: bool
    posts: int | None
    followers: int | None


@dataclass(frozen=True)
class Account:
    """What `index.json` holds; `requests` and `spent` (dollars) are what was answered and paid for."""

    profile: Profile
    sweeps: tuple[Sweep, ...] = (Sweep(),)
    dropped: int = 0  # sweeps that others took the place of, or whose posts were taken back
    first: int = 0  # the number of the first page that counts
    cleared: int = 0  # the pages below this one are deleted
    gone: str = ""  # why the source gives no posts of it
    taken: int = 0  # posts that were kept once and are taken back: bots may have been made with them
    requests: int = 0
    spent: float = 0.0
    updated: str = ""  # UTC, ISO 8601

    @property
    def whole(self) -> int:
        """How many sweeps are complete: all, or all but the last."""
        return len(self.sweeps) - (not self.sweeps[-1].complete)

    @property
    def complete(self) -> bool:
        """Whether all posts are there that were to be had at some time; a later sweep may be under way."""
        return self.whole > 0

    @property
    def ended(self) -> int:
        """How many sweeps were ever complete."""
        return self.dropped + self.whole

    @property
    def pages(self) -> int:
        """How many pages count."""
        return sum(sweep.pages for sweep in self.sweeps)

    @property
    def next_page(self) -> int:
        """The number of the page that comes next."""
        return self.first + self.pages

    @property
    def posts(self) -> int:
        """How many posts these hold."""
        return sum(sweep.posts for sweep in self.sweeps)

    @property
    def newest(self) -> str:
        """The id of the newest post; "" where there is none."""
        return next((sweep.newest for sweep in reversed(self.sweeps) if sweep.newest), "")

    def begun_newer(self) -> "Account":
        """With a sweep for what is newer."""
        return dataclasses.replace(self, sweeps=(*self.sweeps, Sweep(newer_than=self.newest)))

    def begun_anew(self) -> "Account":
        """With a sweep for all that there is now."""
        return dataclasses.replace(self, sweeps=(*self.sweeps, Sweep(anew=True)))

    def settled(self, taken: int = 0) -> "Account":
        """Without the sweeps that a complete one has taken the place of; so many of their posts were taken back."""
        last = self.sweeps[-1]
        if not (last.anew and last.complete and len(self.sweeps) > 1):
            return self
        dropped, first = self.dropped + len(self.sweeps) - 1, self.next_page - last.pages
        return dataclasses.replace(self, sweeps=(last,), dropped=dropped, first=first, taken=self.taken + taken)

    def without_posts(self, gone: str, updated: str) -> "Account":
        """The account after its posts were taken back, and why."""
        dropped, first = self.dropped + len(self.sweeps), self.next_page
        left = dataclasses.replace(self, sweeps=(Sweep(),), dropped=dropped, first=first, gone=gone, updated=updated)
        return dataclasses.replace(left, taken=self.taken + self.posts)

    def with_sweep(self, sweep: Sweep, updated: str, spent: float) -> "Account":
        """With the last sweep one page longer, which cost so much."""
        sweeps = (*self.sweeps[:-1], sweep)
        paid = round(self.spent + spent, 6)
        return dataclasses.replace(self, sweeps=sweeps, requests=self.requests + 1, spent=paid, updated=updated)

    def newest_first(self) -> Iterator[int]:
        """The numbers of the pages of all complete sweeps, newest posts first: later sweeps before earlier ones."""
        end = self.first + sum(sweep.pages for sweep in self.sweeps[: self.whole])
        for sweep in reversed(self.sweeps[: self.whole]):
            yield from range(end - sweep.pages, end)
            end -= sweep.pages

    def to_bytes(self) -> bytes:
        """JSON for people to read."""
        data = dataclasses.asdict(self) | {"profile": self.profile._asdict()}
        data |= {"complete": self.complete, "posts": self.posts}
        return (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode()

    @classmethod
    def parse(cls, data: bytes) -> "Account":
        """The inverse of `to_bytes`."""
        found: dict[str, Any] = json.loads(data)
        sweeps = tuple(Sweep(**{**sweep, "seen": tuple(sweep["seen"])}) for sweep in found["sweeps"])
        others = {name: found[name] for name in ("dropped", "first", "cleared", "gone", "requests", "spent", "updated")}
        return cls(Profile(**found["profile"]), sweeps, taken=found.get("taken", 0), **others)


def read(store: Store, source: str, handle: str) -> Account | None:
    """What the store has of an account; None where it was never looked up."""
    found = store.read(AccountKeys(source, handle).index)
    return Account.parse(found.data) if found else None


def paid(account: Account) -> str:
    """`, $16.01 spent in all`; nothing where nothing was."""
    return f", ${account.spent:,.2f} spent on it in all" if account.spent else ""
