from datetime import UTC, datetime, timedelta
from typing import Any

from htctl import retention
from htctl.retention import CHECKPOINTS, RUN, Rule
from htctl.runs import Run

NOW = datetime(2026, 11, 30, tzinfo=UTC)
RULE = Rule(keep=2, unfinished_days=7)


def run(name: str, days: float | None = 1, **changes: Any) -> Run:
    """A complete run of alice, last at work so many days ago."""
    at = None if days is None else NOW - timedelta(days=days)
    return Run(**{"bot": "alice", "name": name, "bytes": 100, "at": at, "complete": True, **changes})


def gone(*runs: Run, rule: Rule = RULE) -> list[str]:
    found = retention.going(runs, rule, NOW)
    assert all(going.what == RUN for going in found)
    return [going.run for going in found]


def test_the_current_run_and_the_newest_others_stay() -> None:
    runs = [run("a", 30, current=True), run("b", 20), run("c", 10), run("d", 15)]
    assert gone(*runs) == ["b", "d"]
    assert gone(*runs, rule=Rule(1, 7)) == ["b", "c", "d"]
    assert gone(*runs, rule=Rule(3, 7)) == ["b"]
    assert gone(*runs, rule=Rule(4, 7)) == []


def test_each_bot_has_its_own() -> None:
    others = [run(name, bot="bob", current=name == "z") for name in "xyz"]
    found = retention.going([run("a", current=True), run("b"), *others], RULE, NOW)
    assert [(going.bot, going.run) for going in found] == [("bob", "x")]


def test_without_a_current_run_the_newest_stay() -> None:
    assert gone(run("a", 3), run("b", 1), run("c", 2)) == ["a"]


def test_what_somebody_works_on_stays_besides() -> None:
    used = run("b", 100, complete=False, in_use=True)
    assert gone(run("a", current=True), used, run("c", 5), rule=RULE) == []
    assert gone(run("a", current=True), used, rule=Rule(1, 0)) == []


def test_a_young_unfinished_run_stays_besides_and_an_old_one_counts_as_old() -> None:
    current, young, old = run("a", current=True), run("b", 6.9, complete=False), run("c", 7.1, complete=False)
    assert gone(current, young, old, run("d", 30)) == ["c"]
    assert gone(current, young, old) == []  # there is room for it
    assert gone(current, young, old, rule=Rule(1, 7)) == ["c"]
    assert gone(current, young, old, rule=Rule(1, 0)) == ["b", "c"]


def test_a_finished_run_is_kept_rather_than_a_newer_stub() -> None:
    assert gone(run("a", current=True), run("b", 300), run("c", 8, complete=False)) == ["c"]


def test_an_unfinished_run_whose_age_nobody_knows_is_left() -> None:
    unknown = run("b", None, complete=False)
    assert gone(run("a", current=True), unknown, rule=Rule(1, 7)) == []
    assert gone(run("a", current=True), unknown, rule=Rule(1, 0)) == ["b"]


def test_a_deletion_that_was_stopped_is_finished_whatever_the_rule() -> None:
    half = run("b", 0, complete=False, deleting=True)
    assert gone(run("a", current=True), half, rule=Rule(9, 900)) == ["b"]
    assert gone(run("a", current=True, deleting=True), rule=Rule(1, 0)) == []  # never what the pointer names


def test_checkpoints_of_a_published_run_go() -> None:
    left = [run("a", current=True, complete=False, checkpoints=40), run("b", checkpoints=30)]
    found = retention.going([*left, run("c", 2, complete=False, checkpoints=20)], RULE, NOW)
    assert [(going.what, going.run, going.bytes) for going in found] == [(CHECKPOINTS, "a", 40), (CHECKPOINTS, "b", 30)]
    used = run("a", current=True, checkpoints=40, in_use=True)
    assert retention.going([used], RULE, NOW) == []


def test_why_is_said() -> None:
    runs = [
        run("a", 8, complete=False),
        run("b", None, complete=False),
        run("c", 2),
        run("d", deleting=True),
        run("e", current=True),
    ]
    assert [going.why for going in retention.going(runs, Rule(1, 0), NOW)] == [
        "unfinished, last at work 2026-11-22 00:00",
        "unfinished, last at work nobody knows when",
        "old: published 2026-11-28 00:00",
        "its deletion was stopped half-way",
    ]


def test_what_was_adopted_cannot_be_made_anew_and_stays() -> None:
    runs = [run("a", 1, current=True), run("b", 2), run("c", 3), run("adopted-1", 90)]
    assert gone(*runs) == ["c"]
    assert gone(*runs[:3], run("adopted-1", 90, complete=False)) == ["c", "adopted-1"]
