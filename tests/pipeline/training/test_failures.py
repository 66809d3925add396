import signal
from typing import Any

import pytest

from pipeline import stopping
from pipeline.errors import HtctlError, TooFewPostsError, TryLaterError
from pipeline.nodes import ALONE, Node
from pipeline.progress import Report
from pipeline.training import failures
from pipeline.training.failures import Failures

MISSED = {"failed": "rank 2 of 6 lost the others: connection closed", "code": 1, "follows": True, "trace": "at gather"}
REFUSED = {"failed": "too few posts", "code": TooFewPostsError.exit_code, "follows": False, "trace": ""}
BROKEN = {"failed": "KeyError: 'x'", "code": 1, "follows": False, "trace": "at line 3"}
HANGS = {"exit": 1, "stacks": "in stuck"}


def raised(found: Failures, report: Report | None = None) -> HtctlError:
    with pytest.raises(HtctlError) as caught:
        found.check(stopping.Stop(), report or Report())
    return caught.value


def test_nothing_failed() -> None:
    found = Failures(2, ALONE)
    assert not found.settled
    found.check(stopping.Stop(), Report())


def test_who_missed_another_is_not_the_first_although_heard_first() -> None:
    found = Failures(3, ALONE)
    found.add(0, MISSED)
    assert not found.settled
    found.add(2, {"exit": -9})
    assert found.settled
    assert str(raised(found)) == "rank 2 of 3: killed (SIGKILL), perhaps for want of memory"


def test_who_misses_another_is_believed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Failures(2, ALONE)
    found.add(0, MISSED)
    monkeypatch.setattr(failures, "GRACE", 0)
    assert found.settled


def test_what_a_rank_said_first_counts() -> None:
    found = Failures(2, ALONE)
    found.add(1, REFUSED)
    found.add(1, {"exit": 65})
    error = raised(found)
    assert (str(error), error.exit_code) == ("too few posts", 65)


def test_a_fault_says_which_rank_and_where() -> None:
    found, report = Failures(2, ALONE), Report()
    found.add(1, BROKEN)
    assert str(raised(found, report)) == "rank 1 of 2: KeyError: 'x'"
    assert [line.partition(" ")[2] for line in report.said] == ["at line 3"]


def test_a_rank_that_hangs_is_to_be_tried_again_and_all_stacks_are_shown() -> None:
    found, report = Failures(2, ALONE), Report()
    found.add(0, HANGS)
    assert not found.settled
    found.add(1, HANGS)
    assert isinstance(raised(found, report), TryLaterError)
    assert [line.partition(" rank ")[2][:14] for line in report.said] == ["0 of 2 hangs: ", "1 of 2 hangs: "]


def test_where_those_waited_that_missed_one_that_hangs_is_shown_too() -> None:
    found, report = Failures(3, ALONE), Report()
    found.add(0, MISSED)
    found.add(1, HANGS)
    found.add(2, {"exit": -15, "stacks": "in gather"})
    assert str(raised(found, report)).startswith("rank 1 of 3 hangs: ")
    assert [line.partition("\n")[2] for line in report.said] == ["in stuck", "at gather", "in gather"]


def test_who_was_ended_with_another_is_not_the_reason() -> None:
    found = Failures(2, ALONE)
    found.add(0, {"exit": -15, "stacks": "in gather"})
    found.add(1, {"exit": -9, "stacks": ""})
    assert str(raised(found)).startswith("rank 1 of 2: killed (SIGKILL)")


def test_what_another_node_did_is_to_be_tried_again() -> None:
    found = Failures(2, Node(1, 3))
    found.add(0, MISSED)
    assert not found.settled
    found.add(1, MISSED)
    assert found.settled
    error = raised(found)
    assert isinstance(error, TryLaterError)
    assert str(error).endswith("; what happened is in the log of another node")
    assert ": rank 2 of 6 lost the others: connection closed; " in str(error)


def test_ctrl_c_is_told_as_such() -> None:
    found, stop = Failures(2, ALONE), stopping.Stop()
    found.add(0, {"failed": "stopped on SIGTERM", "code": 75, "follows": False, "trace": ""})
    stop.asked = signal.SIGINT
    with pytest.raises(KeyboardInterrupt):
        found.check(stop, Report())
    stop.asked = signal.SIGTERM
    with pytest.raises(TryLaterError, match="stopped on SIGTERM"):
        found.check(stop, Report())


@pytest.mark.parametrize(("code", "says"), [(3, "ended by itself with exit code 3"), (-15, "killed (SIGTERM)")])
def test_how_a_process_ended_without_a_word(code: int, says: str) -> None:
    found = Failures(1, ALONE)
    message: dict[str, Any] = {"exit": code}
    found.add(0, message)
    assert str(raised(found)) == f"rank 0 of 1: {says}"
