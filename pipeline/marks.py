"""Marks on bots that were made with posts which their authors have taken back since: in the bot's pointer."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipeline import layout, published
from pipeline.layout import RunKeys
from pipeline.store import Store
from pipeline.store.objects import change, read_json

KEY = "taken_back"  # of a pointer: why, by handle in lower case; a pointer that moves to another run has none
AT_ONCE = 16  # requests to the store


def of(pointer: Mapping[str, Any]) -> dict[str, str]:
    """Why posts of which handles are no longer to be had, by handle; empty where the bot is not marked."""
    return dict(pointer.get(KEY) or {})


def say(pointer: Mapping[str, Any]) -> str:
    """The same in a line; "" where there is none."""
    return "; ".join(f"@{handle}: {why}" for handle, why in of(pointer).items())


def mark(store: Store, source: str, handle: str, why: str) -> list[str]:
    """Mark every bot whose current run was made with posts that a source was asked for of this account; their ids."""
    name = handle.lower()

    def marked(bot: str) -> bool:
        pointer = published.pointer(store, bot)
        if name not in map(str.lower, pointer.get("handles", ())) or not _is_of(store, bot, pointer, source, name):
            return False

        def edit(found: dict[str, Any]) -> dict[str, Any] | None:
            if found.get("run") != pointer["run"] or name in of(found):
                return None
            return {**found, KEY: {**of(found), name: why}}

        change(store, layout.latest(bot), edit)
        return True

    bots = list(store.folders(layout.bots()))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [bot for bot, is_marked in zip(bots, pool.map(marked, bots), strict=True) if is_marked]


def _is_of(store: Store, bot: str, pointer: Mapping[str, Any], source: str, name: str) -> bool:
    """Whether the run's posts of a handle came from this source, and from no file."""
    asked = read_json(store, RunKeys(bot, pointer["run"]).config).get("asked") or {}
    of_file = name in (asked.get("posts") or {})
    return not of_file and (asked.get("sources") or {}).get(name, asked.get("source")) == source
