"""How much the store holds, by one listing of it: each run's bytes, the posts', the rest's, and what they cost."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from htctl import output
from pipeline import layout
from pipeline.layout import Place, RunKeys
from pipeline.store import Entry

GB = 1 << 30  # as S3 counts what it bills


@dataclass
class Held:
    """One run's objects: their bytes, those of its checkpoints among them, its stage markers, and if it has a lease."""

    bytes: int = 0
    checkpoints: int = 0
    markers: set[str] = field(default_factory=set)
    leased: bool = False


@dataclass
class Inventory:
    """What a store holds: runs by bot, a bot's other bytes, posts given as files by hash, other posts, the rest."""

    runs: dict[str, dict[str, Held]] = field(default_factory=dict)
    beside: dict[str, int] = field(default_factory=dict)
    published: set[str] = field(default_factory=set)
    files: dict[str, int] = field(default_factory=dict)
    posts: int = 0
    other: int = 0

    def bot(self, bot: str) -> int:
        """All bytes of a bot."""
        return self.beside.get(bot, 0) + sum(held.bytes for held in self.runs.get(bot, {}).values())

    def totals(self) -> dict[str, int]:
        """Bytes of the published bots, of those that are not, of posts, of the rest, and of all."""
        sizes = {bot: self.bot(bot) for bot in {*self.runs, *self.beside}}
        found = {
            "bots": sum(size for bot, size in sizes.items() if bot in self.published),
            "unpublished": sum(size for bot, size in sizes.items() if bot not in self.published),
            "posts": self.posts + sum(self.files.values()),
            "other": self.other,
        }
        return {**found, "all": sum(found.values())}


def count(entries: Iterable[Entry]) -> Inventory:
    """The inventory of a listing, which is read once and never held."""
    found = Inventory()
    for entry in entries:
        place = layout.place(entry.key)
        if place.run:
            _count(found.runs.setdefault(place.bot, {}).setdefault(place.run, Held()), place, entry)
        elif place.bot:
            found.beside[place.bot] = found.beside.get(place.bot, 0) + entry.size
            if entry.key == layout.latest(place.bot):
                found.published.add(place.bot)
        elif entry.key.startswith(layout.posts_files()):
            sha256 = entry.key.removeprefix(layout.posts_files()).partition("/")[0]
            found.files[sha256] = found.files.get(sha256, 0) + entry.size
        elif entry.key.startswith("posts/"):
            found.posts += entry.size
        else:
            found.other += entry.size
    return found


def _count(held: Held, place: Place, entry: Entry) -> None:
    keys = RunKeys(place.bot, place.run)
    held.bytes += entry.size
    if entry.key.startswith(keys.checkpoint("")):
        held.checkpoints += entry.size
    elif place.rest.startswith("stages/"):
        held.markers.add(place.rest.removeprefix("stages/").removesuffix(".json"))
    held.leased = held.leased or entry.key == keys.lease


def a_month(count: int, price: float | None) -> float | None:
    """What bytes cost in a month, in dollars; None where there is no price."""
    return None if price is None else round(count / GB * price, 6)


def summary(totals: dict[str, int], price: float | None) -> str:
    """The totals as one line for a person."""
    parts = [
        f"{name} {output.size(size)}" for name, size in totals.items() if name != "all" and (size or name == "bots")
    ]
    cost = a_month(totals["all"], price)
    costs = "" if cost is None else f", {output.dollars(cost)} a month at ${price:g} a GB"
    return f"{output.size(totals['all'])} in all ({', '.join(parts)}){costs}"


def as_json(totals: dict[str, int], price: float | None) -> dict[str, Any]:
    """The totals for programs."""
    return {"bytes": totals, "dollars_a_month": a_month(totals["all"], price)}
