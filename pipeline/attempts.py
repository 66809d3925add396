"""The record of the attempts at a run: where, when, how each ended, what it lost, and how many there may be."""

from typing import Any

from pipeline.errors import INTERRUPTED, GaveUpError, TryLaterError
from pipeline.lease import State
from pipeline.moments import moment
from pipeline.settings import Limits

Record = dict[str, Any]
VANISHED = "ended without a word: killed, or its machine was lost"
ENDED_WELL = (0, TryLaterError.exit_code, INTERRUPTED)
BAD_NODE = 2  # faults on a node after which the next attempt had better be on another
LEAVES = 3  # so often a node is left; then there is no other
LEFT = "left to another node: "


def begun(records: list[Record], lease: State, before: State | None, saved: int | None) -> list[Record]:
    """The records with a new one for the holder of `lease`.

    The one before, where nobody wrote its end, ended when its holder last renewed the lease: `before`.
    `saved` is the last step in a checkpoint, None where the training is done.
    """
    if records and "ended" not in records[-1]:
        now, when = (before.now, before.renewed) if before else ({}, records[-1]["started"])
        records = [*records[:-1], _closed(records[-1], when, now, saved) | {"reason": VANISHED}]
    mine = {
        "attempt": lease.generation,
        "host": lease.holder.host,
        "node": lease.holder.node,
        "started": lease.taken,
    }
    return [*records, mine]


def ended(
    records: list[Record], when: str, code: int, reason: str, now: dict[str, Any], saved: int | None
) -> list[Record]:
    """The records, the last one with its end: the exit code, the reason in a line, and the training steps lost."""
    return [*records[:-1], _closed(records[-1], when, now, saved) | {"exit_code": code, "reason": reason}]


def seconds_spent(records: list[Record]) -> float:
    """What all ended attempts took."""
    return float(sum(record.get("seconds", 0) for record in records))


def check(run: str, records: list[Record], limits: Limits) -> None:
    """Raise GaveUpError where no further attempt may be made."""
    hours = seconds_spent(records) / 3600
    last = f"; the last one: {records[-1].get('reason', VANISHED)}" if records else ""
    if len(records) >= limits.attempts:
        raise GaveUpError(
            f"run {run} was tried {len(records)} times{last}; mend that, then allow more: "
            f"--set limits.attempts={2 * limits.attempts}"
        )
    if hours >= limits.hours:
        raise GaveUpError(time_is_up(run, limits))


def avoid_node(records: list[Record], node: str) -> None:
    """Raise TryLaterError where this run has failed here too often; its Job then starts a Pod, elsewhere if it can.

    `records` are of the attempts before, `node` is empty outside of Kubernetes. What vanished counts as a fault.
    """
    here = [record for record in records if node and record.get("node") == node]
    faults = [record for record in here if record.get("exit_code") not in ENDED_WELL]
    leaves = sum(str(record.get("reason", "")).startswith(LEFT) for record in here)
    if len(faults) >= BAD_NODE and leaves < LEAVES:
        raise TryLaterError(
            f"{LEFT}{len(faults)} attempts failed on {node}, the last one: {faults[-1].get('reason', VANISHED)}"
            f" ({leaves + 1} of {LEAVES}; then it is tried here again)"
        )


def time_is_up(run: str, limits: Limits) -> str:
    """What is said when a run has taken as long as it may."""
    return (
        f"run {run} has taken {limits.hours:g} hours in all; what it saved is kept; allow more: "
        f"--set limits.hours={2 * limits.hours:g}"
    )


def _closed(record: Record, when: str, now: dict[str, Any], saved: int | None) -> Record:
    lost = 0 if saved is None or now.get("stage") != "train" else max(int(now.get("step", 0)) - saved, 0)
    seconds = round(moment(when) - moment(record["started"]), 1)
    return {**record, "ended": when, "seconds": seconds, "stage": now.get("stage", ""), "steps_lost": lost}
