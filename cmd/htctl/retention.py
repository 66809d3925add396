"""The rule by which old runs and left checkpoints go: pure, over what is known of the runs."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from htctl.runs import Run
from pipeline.layout import ADOPTED

RUN, CHECKPOINTS, POSTS = "run", "checkpoints", "posts"
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Rule(NamedTuple):
    """How many runs of a bot stay, and how long one that is not finished."""

    keep: int
    unfinished_days: float


class Going(NamedTuple):
    """What goes: a whole run or its checkpoints only, or (with neither bot nor run) a posts file by its hash."""

    what: str
    bot: str
    run: str
    bytes: int
    why: str


def going(runs: Iterable[Run], rule: Rule, now: datetime) -> list[Going]:
    """What the rule says of all runs, which come sorted by bot."""
    return [gone for _, of_bot in groupby(runs, lambda run: run.bot) for gone in _of_bot(list(of_bot), rule, now)]


def _of_bot(runs: list[Run], rule: Rule, now: datetime) -> Iterator[Going]:
    """The current run stays, and the newest others up to `keep` in all, those that were finished first.

    A run that somebody works on, that is not finished and young, or that was adopted, stays besides, and takes nobody's
    place.
    """
    others = [run for run in runs if not (run.current or run.in_use or run.deleting or _stays(run, rule, now))]
    others.sort(key=lambda run: (run.complete, run.at or LONG_AGO, run.name), reverse=True)
    old = others[max(rule.keep - any(run.current for run in runs), 0) :]
    for run in runs:
        if run in old or (run.deleting and not run.current):
            yield Going(RUN, run.bot, run.name, run.bytes, _why(run))
        elif run.checkpoints and (run.complete or run.current) and not run.in_use:
            yield Going(CHECKPOINTS, run.bot, run.name, run.checkpoints, "left behind by a run that is published")


def _stays(run: Run, rule: Rule, now: datetime) -> bool:
    """Whether a run is not the rule's to judge: it may be gone on with, or cannot be made once more."""
    return _is_young(run, rule, now) or (run.complete and run.name.startswith(f"{ADOPTED}-"))


def _is_young(run: Run, rule: Rule, now: datetime) -> bool:
    """Whether an unfinished run may still be gone on with; one of which no time is known counts as young."""
    if run.complete or rule.unfinished_days == 0:
        return False
    return run.at is None or now - run.at < timedelta(days=rule.unfinished_days)


def _why(run: Run) -> str:
    if run.deleting:
        return "its deletion was stopped half-way"
    when = f"{run.at:%Y-%m-%d %H:%M}" if run.at else "nobody knows when"
    return f"old: published {when}" if run.complete else f"unfinished, last at work {when}"
