"""What the store alone says of a group: whether its run is published, how far it is, what came of it without a Job."""

import dataclasses
from typing import Any

from k8s import ending
from k8s.states import Facts, Group, GroupState, Phase, Seen
from pipeline import identity, marks
from pipeline.moments import moment

SILENT_S = 300.0  # a run that has said nothing for so long may be dead, and its node too


def is_published(group: Group, facts: Facts) -> bool:
    """Whether the run was published, be it the bot's current one or not any more."""
    return bool(group.run) and (facts.pointer.get("run") == group.run or facts.complete)


def is_unchanged(group: Group, facts: Facts) -> bool:
    """Whether the bot's current run has this one's config."""
    return identity.has_config(group.run, str(facts.pointer.get("config", "")))


def taken_back(facts: Facts, before: str = "") -> str:
    """That the bot was made with posts that were taken back since, after `before`; "" where none were."""
    taken = marks.say(facts.pointer)
    return f"{before}made with posts that were taken back since: {taken}" if taken else ""


def gone(group: Group, seen: Seen, facts: Facts | None, now: float) -> GroupState:
    """Its Job is not there: removed by its time to live, by hand, or never made."""
    if facts is None:
        return GroupState(group, Phase.UNKNOWN, "its Job is gone; the store was not asked what came of it")
    held = facts.lease
    if held and not held.released and now - moment(held.renewed) < 2 * held.seconds:
        return dataclasses.replace(at_work(group, facts, now), detail=f"its Job is gone, but {held.holder} is at work")
    if not seen.asked:
        done = is_unchanged(group, facts)
        return GroupState(group, Phase.UNCHANGED if done else Phase.UNKNOWN, "the cluster was not asked")
    if facts.attempts and facts.attempts[-1].get("exit_code") == 0 and is_unchanged(group, facts):
        return GroupState(group, Phase.UNCHANGED, f"as {facts.pointer['run']}")
    end = ending.recorded(facts)
    if end and ending.is_final(end):
        return GroupState(group, Phase.FAILED, end.reason, end.stage, code=end.code)
    if end is None and facts.lease is None and seen.fetching:
        return GroupState(group, Phase.QUEUED, "is sent when the batch's posts are fetched (--scrape-first)")
    if end is None and facts.lease is None:
        return GroupState(group, Phase.CANCELLED, "no Job, and none has begun: not sent yet, or deleted before it ran")
    return GroupState(group, Phase.CANCELLED, "its Job is gone and nothing was published", end.stage if end else "")


def at_work(group: Group, facts: Facts | None, now: float) -> GroupState:
    """What the holder of the run's lease says that it is at."""
    held = facts.lease if facts else None
    if held is None or held.released:
        return GroupState(group, Phase.RUNNING, "ending" if held else "")
    at, silent = held.now, now - moment(held.renewed)
    done, total, speed = (_number(at.get(key)) for key in ("done", "total", "per_second"))
    detail = f"silent for {silent / 60:.0f} min" if silent > max(SILENT_S, 2 * held.seconds) else ""
    return GroupState(
        group,
        Phase.RUNNING,
        detail,
        str(at.get("stage", "")),
        percent=100 * min(done / total, 1) if total else None,
        left_s=max(total - done, 0) / speed if total and speed else None,
    )


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
