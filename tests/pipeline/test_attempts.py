from typing import Any

import pytest

from pipeline import attempts, lease
from pipeline.errors import GaveUpError, TryLaterError
from pipeline.lease import State
from pipeline.settings import Limits

AT = "2026-01-02T10:{}:00.000Z"


def state(generation: int, renewed: str, **now: Any) -> State:
    return State(generation, lease.this_process(), 60, renewed, renewed, now=now)


def test_an_attempt_says_where_and_when_it_began() -> None:
    first = state(1, AT.format("00"))
    (record,) = attempts.begun([], first, None, 0)
    assert record["attempt"] == 1
    assert record["host"] == first.holder.host
    assert record["started"] == AT.format("00")
    assert "ended" not in record


def test_one_that_ended_has_its_code_its_reason_and_its_time() -> None:
    records = attempts.begun([], state(1, AT.format("00")), None, 0)
    (record,) = attempts.ended(records, AT.format("10"), 75, "stopped on SIGTERM", {"stage": "train", "step": 9}, 9)
    assert (record["exit_code"], record["reason"]) == (75, "stopped on SIGTERM")
    assert (record["seconds"], record["stage"], record["steps_lost"]) == (600, "train", 0)


def test_one_that_was_killed_ended_when_it_last_renewed_its_lease() -> None:
    records = attempts.begun([], state(1, AT.format("00")), None, 0)
    before = state(1, AT.format("20"), stage="train", step=133)
    killed, new = attempts.begun(records, state(2, AT.format("50")), before, 120)
    assert (killed["ended"], killed["seconds"], killed["steps_lost"]) == (AT.format("20"), 1200, 13)
    assert killed["reason"] == attempts.VANISHED
    assert new["attempt"] == 2


@pytest.mark.parametrize(("now", "saved"), [({"stage": "clean"}, 0), ({"stage": "train", "step": 5}, None)])
def test_nothing_is_lost_outside_the_training_or_when_it_is_done(now: dict[str, Any], saved: int | None) -> None:
    records = attempts.begun([], state(1, AT.format("00")), None, 0)
    assert attempts.ended(records, AT.format("10"), 1, "", now, saved)[0]["steps_lost"] == 0


def test_a_run_is_tried_so_often_and_no_more() -> None:
    records = [{"attempt": 1, "reason": "the disk is full"}, {"attempt": 2, "reason": "the disk is full"}]
    attempts.check("run-1", records, Limits(attempts=3))
    with pytest.raises(GaveUpError, match=r"tried 2 times; the last one: the disk is full.*limits\.attempts=4"):
        attempts.check("run-1", records, Limits(attempts=2))


def test_all_attempts_together_may_take_so_long() -> None:
    records = [{"seconds": 1800.0}, {"seconds": 1900.0}]
    attempts.check("run-1", records, Limits(hours=2))
    with pytest.raises(GaveUpError, match=r"run-1 has taken 1 hours in all; .* --set limits\.hours=2"):
        attempts.check("run-1", records, Limits(hours=1))


FAULT = {"node": "n1", "exit_code": 1, "reason": "CUDA error"}
GONE = {"node": "n1", "reason": attempts.VANISHED}
LEFT = {"node": "n1", "exit_code": 75, "reason": f"{attempts.LEFT}2 attempts failed"}


@pytest.mark.parametrize("records", [[FAULT, GONE], [GONE, FAULT, LEFT], [FAULT, FAULT, LEFT, LEFT]])
def test_a_node_that_failed_two_attempts_is_left(records: list[dict[str, Any]]) -> None:
    with pytest.raises(TryLaterError, match=r"2 attempts failed on n1, the last one: .* \([1-3] of 3; then"):
        attempts.avoid_node(records, "n1")


@pytest.mark.parametrize(
    ("records", "node"),
    [
        ([FAULT], "n1"),
        ([FAULT, {"node": "n1", "exit_code": 75, "reason": "stopped on SIGTERM"}], "n1"),
        ([FAULT, FAULT], "n2"),
        ([FAULT, FAULT, LEFT, LEFT, LEFT], "n1"),  # the cluster has no other
        ([{**FAULT, "node": ""}, {**FAULT, "node": ""}], ""),  # a laptop is no node
    ],
)
def test_any_other_node_is_not(records: list[dict[str, Any]], node: str) -> None:
    attempts.avoid_node(records, node)
