"""What is known of each run: how large, how far and when it was last at work, and whether somebody works on it."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from htctl.inventory import Held, Inventory
from pipeline import layout
from pipeline.errors import StoreError
from pipeline.layout import RunKeys
from pipeline.lease import State
from pipeline.store import Store, Versioned

AT_ONCE = 8  # requests to the store
PUBLISH = "publish"  # the stage whose marker a run has when it is complete
DELETING = {"stage": "deleting"}  # in the lease of a run that a gc has begun to delete


@dataclass(frozen=True)
class Run:
    """A run as the rule sees it; `at` is when it was last at work, None where nothing in the store tells."""

    bot: str
    name: str
    bytes: int
    checkpoints: int = 0
    at: datetime | None = None
    complete: bool = False
    current: bool = False
    in_use: bool = False
    deleting: bool = False


def read(store: Store, held: Inventory) -> tuple[list[Run], list[str]]:
    """All runs, by bot and name, and what could not be read: a bot whose pointer is unreadable has none here."""
    found: list[Run] = []
    problems: list[str] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for runs in pool.map(lambda bot: _of_bot(store, bot, held.runs[bot]), sorted(held.runs)):
            if isinstance(runs, str):
                problems.append(runs)
            else:
                found += runs
    return found, problems


def in_use(found: Versioned | None) -> bool:
    """Whether somebody makes a run, by its lease as it was read; no lease: nobody. One that is unreadable is rather
    somebody's; one that a gc took is nobody's."""
    if found is None:
        return False
    state = lease_state(found)
    return state is None or (state.now != DELETING and state.at_work())


def object_at(store: Store, key: str) -> dict[str, Any] | None:
    """A JSON object of the store, empty where there is none; None where it is something else."""
    return _parsed(store.read(key))


def lease_state(found: Versioned | None) -> State | None:
    """A lease as it was read; None where there is none, or it is unreadable."""
    try:
        return State.parse(found.data) if found else None
    except (ValueError, TypeError, KeyError):
        return None


def _parsed(found: Versioned | None) -> dict[str, Any] | None:
    try:
        data = json.loads(found.data) if found else {}
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def moment(text: Any) -> datetime | None:
    """A time as the store has it (ISO 8601, UTC where it does not say); None for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _of_bot(store: Store, bot: str, held: Mapping[str, Held]) -> list[Run] | str:
    pointer = object_at(store, layout.latest(bot))
    if pointer is None:
        return f"{store.place(layout.latest(bot))} is not JSON: the runs of {bot} are left alone"
    current = pointer.get("run")
    return [_run(store, RunKeys(bot, name), held[name], name == current) for name in sorted(held)]


def _run(store: Store, keys: RunKeys, held: Held, current: bool) -> Run:
    """What is known of a run; of a current one only what its checkpoints need, since it stays whatever its age."""
    leased = store.read(keys.lease) if held.leased and (not current or held.checkpoints) else None
    state = lease_state(leased)
    complete = PUBLISH in held.markers
    markers = [] if current else [PUBLISH] if complete else sorted(held.markers)
    times = [_end(object_at(store, keys.stage(name)) or {}) for name in markers]
    return Run(
        bot=keys.bot,
        name=keys.run,
        bytes=held.bytes,
        checkpoints=held.checkpoints,
        at=max((time for time in (*times, moment(state.renewed) if state else None) if time), default=None),
        complete=complete,
        current=current,
        in_use=in_use(leased),
        deleting=state is not None and state.now == DELETING,
    )


def _end(marker: Mapping[str, Any]) -> datetime | None:
    """When a stage was done, by its marker."""
    started, seconds = moment(marker.get("started")), marker.get("seconds", 0)
    if started is None or not isinstance(seconds, int | float):
        return started
    return started + timedelta(seconds=seconds)


def named_posts(store: Store, held: Inventory, without: set[tuple[str, str]]) -> set[str]:
    """The hashes of the posts files that the runs' configs name, those of the runs in `without` apart."""
    names = [(bot, run) for bot, runs in held.runs.items() for run in runs if (bot, run) not in without]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return set().union(*pool.map(lambda name: _posts(store, RunKeys(*name)), names))


def _posts(store: Store, keys: RunKeys) -> set[str]:
    config = object_at(store, keys.config)
    asked = {} if config == {} else config.get("asked") if config else None
    posts = asked.get("posts", {}) if isinstance(asked, dict) else None
    if not isinstance(posts, dict):
        raise StoreError(f"{store.place(keys.config)} cannot be read, so nobody knows which posts it needs; mend it")
    return set(map(str, posts.values()))
