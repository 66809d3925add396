from typing import Any

import pytest

from htctl import statusview
from k8s.states import Group, GroupState, Phase


def state(bot: str = "alice", phase: Phase = Phase.RUNNING, **changes: Any) -> GroupState:
    return GroupState(Group(bot, f"night-{bot}", f"{bot}-1", (bot,)), phase, **changes)


def test_totals_are_one_line() -> None:
    states = [state(phase=Phase.PUBLISHED, gpu_seconds=7200), state("b", Phase.PULLING, stuck_since=1.0, created=40.0)]
    told = statusview.totals("batch x", states, 100.0)
    assert told == "batch x: 2 groups: 1 published, 1 pulling; 1 cannot start; 2.0 GPU hours; since 1m"


def test_what_failed_and_cannot_start_comes_first_and_what_is_done_last() -> None:
    states = [
        state("d", Phase.PUBLISHED),
        state("c"),
        state("b", Phase.PULLING, stuck_since=1.0),
        state("a", Phase.FAILED),
    ]
    assert [each.group.bot for each in statusview.in_order(states)] == ["a", "b", "c", "d"]


def test_ten_thousand_rows_become_a_screenful_and_say_what_is_hidden() -> None:
    states = [state(f"p{i}", Phase.PUBLISHED) for i in range(9000)] + [state(f"q{i}", Phase.QUEUED) for i in range(999)]
    shown = statusview.choose([*states, state("bad", Phase.FAILED)], 20)
    assert shown.rows[0].group.bot == "bad"
    assert len(shown.rows) == 20
    assert shown.hidden == "9,980 more are not shown (980 queued, 9,000 published); --all shows them, --state some"
    assert statusview.choose(states[:20], 20).hidden == ""


def test_a_row_has_stage_percent_time_left_and_bits() -> None:
    row = statusview.row(
        state(stage="train", percent=24.6, left_s=75, attempts=2, created=40.0, before=3.5, after=2.25), 100.0
    )
    assert row == ("alice", "running", "train 25%, 1m15s left", "2", "1m", "3.500 -> 2.250", "")
    assert statusview.row(state(), 0.0, wide=True)[-2:] == ("alice-1", "night-alice")


def test_on_a_terminal_empty_columns_go_and_reasons_are_short() -> None:
    columns, rows = statusview.narrow([statusview.row(state(detail="x" * 500), 0.0)])
    assert columns == ("BOT", "STATE", "WHY")
    assert rows[0][2] == "x" * 117 + "..."


def test_a_change_is_a_line() -> None:
    assert statusview.change(state(stage="train"), 0) == "00:00:00Z alice: running (train)"
    published = state(phase=Phase.PUBLISHED, after=2.0)
    assert statusview.change(published, 0) == "00:00:00Z alice: published (2.000 bits per byte)"
    of_night = GroupState(Group("alice", "night-1", "alice-1", batch="night"), Phase.QUEUED)
    assert statusview.change(of_night, 0, several=True) == "00:00:00Z night/alice: queued"


@pytest.mark.parametrize(("seconds", "said"), [(0, "0s"), (59, "59s"), (60, "1m"), (3660, "1h1m"), (90000, "1d1h")])
def test_a_duration_is_short(seconds: float, said: str) -> None:
    assert statusview.duration(seconds) == said
