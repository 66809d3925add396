"""How states are shown: totals, and the rows that a person can read, the most urgent first."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from k8s.states import WELL, GroupState, Phase

BATCH = "BATCH"
COLUMNS = ("BOT", "STATE", "STAGE", "TRIES", "AGE", "BITS/BYTE", "WHY")
WIDE = ("HANDLES", "GPU HOURS", "SPENT ON POSTS", "NODE", "JOB", "RUN")
ALWAYS = (0, 1)  # the columns that are shown even where they are empty
LONGEST = 120  # characters of a reason in a table; the whole is in `-o wide` and in a pipe

# What a person should see first; who cannot start comes right after what failed.
ORDER = (
    Phase.FAILED, Phase.CANCELLED, Phase.UNKNOWN, Phase.RUNNING, Phase.STARTING, Phase.PULLING, Phase.SCHEDULING,
    Phase.PREEMPTED, Phase.PAUSED, Phase.QUEUED, Phase.UNCHANGED, Phase.PUBLISHED, Phase.FETCHED,
)  # fmt: skip


Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


class Shown(NamedTuple):
    """The rows to show, and a line about those that are not."""

    rows: list[GroupState]
    hidden: str


def in_order(states: Sequence[GroupState]) -> list[GroupState]:
    """The most urgent first, then by bot, then by batch."""

    def rank(state: GroupState) -> tuple[float, str, str]:
        return (0.5 if state.stuck_since else ORDER.index(state.phase), state.group.bot, state.group.batch)

    return sorted(states, key=rank)


def choose(states: Sequence[GroupState], most: int) -> Shown:
    """All rows where they fit; else those that are not done, and of these as many as fit."""
    rows = in_order(states)
    if len(rows) <= most:
        return Shown(rows, "")
    shown = [state for state in rows if state.phase not in WELL][:most]
    names = {id(state) for state in shown}
    hidden = Counter(str(state.phase) for state in rows if id(state) not in names)
    parts = ", ".join(f"{count:,} {phase}" for phase, count in _ordered(hidden))
    return Shown(shown, f"{sum(hidden.values()):,} more are not shown ({parts}); --all shows them, --state some")


def totals(name: str, states: Sequence[GroupState], now: float, spent: str = "") -> str:
    """A line about the whole batch; the Job that fetches its posts is no group."""
    fetching = [state for state in states if not state.group.run]
    states = [state for state in states if state.group.run]
    counts = Counter(str(state.phase) for state in states)
    parts = [f"{count:,} {phase}" for phase, count in reversed(_ordered(counts))]
    stuck = sum(1 for state in states if state.stuck_since)
    hours = sum(state.gpu_seconds for state in states) / 3600
    more = [f"{stuck:,} cannot start"] if stuck else []
    more += [f"{hours:,.1f} GPU hours"] if hours else []
    began = min((state.created for state in states if state.created), default=None)
    more += [f"{spent} spent on X's posts"] if spent else []
    more += [f"posts: {state.phase}" for state in fetching]
    more += [f"since {duration(now - began)}"] if began and any(not state.over for state in states) else []
    groups = f"{len(states):,} group{'' if len(states) == 1 else 's'}"
    return f"{name}: {groups}: " + "; ".join([", ".join(parts), *more])


def by_batch(columns: Sequence[str], rows: Sequence[Sequence[str]], states: Sequence[GroupState]) -> Table:
    """The same columns and rows with each row's batch before it: of several batches, bots may have one name."""
    return (BATCH, *columns), [(state.group.batch, *row) for row, state in zip(rows, states, strict=True)]


def row(state: GroupState, now: float, wide: bool = False, spent: str = "") -> tuple[str, ...]:
    """A state as cells; `spent` is what its accounts' posts have cost."""
    group = state.group
    cells = (
        group.bot,
        str(state.phase),
        progress(state),
        str(state.attempts or ""),
        duration(now - state.created) if state.created else "",
        bits(state),
        state.detail,
    )
    hours = f"{state.gpu_seconds / 3600:.2f}" if state.gpu_seconds else ""
    return (*cells, "+".join(group.handles), hours, spent, state.node, group.job, group.run) if wide else cells


def narrow(rows: Sequence[tuple[str, ...]]) -> Table:
    """Columns and rows for a terminal: without columns that are empty, and with reasons that stay short."""
    used = [index for index in range(len(COLUMNS)) if index in ALWAYS or any(row[index] for row in rows)]
    cells = [tuple(_short(row[index]) for index in used) for row in rows]
    return tuple(COLUMNS[index] for index in used), cells


def change(state: GroupState, now: float, several: bool = False) -> str:
    """A state as a line of its own, for who follows in a pipe; `several`: of more than one batch."""
    at = time.strftime("%H:%M:%SZ", time.gmtime(now))
    bytes_ = f"{bits(state)} bits per byte" if bits(state) and state.phase in WELL else ""
    more = [part for part in (progress(state), bytes_, state.detail) if part]
    about = f" ({'; '.join(more)})" if more else ""
    return f"{at} {called(state, several)}: {state.phase}{about}"


def called(state: GroupState, several: bool) -> str:
    """What a group is called in a line; of several batches with its own."""
    return f"{state.group.batch}/{state.group.bot}" if several else state.group.bot


def as_json(name: str, namespace: str, states: Sequence[GroupState]) -> dict[str, Any]:
    """All of it for programs; `scrape` is the Job that fetches the batch's posts, where there is one."""
    fetching = [state for state in states if not state.group.run]
    states = [state for state in states if state.group.run]
    return {
        "batch": name,
        "namespace": namespace,
        "totals": dict(_ordered(Counter(str(state.phase) for state in states))),
        "gpu_hours": round(sum(state.gpu_seconds for state in states) / 3600, 4),
        **({"scrape": fetching[0].as_json()} if fetching else {}),
        "groups": [state.as_json() for state in in_order(states)],
    }


def progress(state: GroupState) -> str:
    """The stage, how much of it is done, and how long the rest takes."""
    if state.percent is None:
        return state.stage
    left = f", {duration(state.left_s)} left" if state.left_s is not None else ""
    return f"{state.stage} {state.percent:.0f}%{left}"


def bits(state: GroupState) -> str:
    """Bits per byte before and after, as far as they are known."""
    known = [f"{value:.3f}" for value in (state.before, state.after) if value is not None]
    return " -> ".join(known)


def duration(seconds: float) -> str:
    """A time as a person says it, in one unit or two."""
    whole = max(int(seconds), 0)
    for size, unit, below, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size}{unit}{f'{rest}{small}' if rest else ''}"
    return f"{whole}s"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _ordered(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: ORDER.index(Phase(pair[0])))
