import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from htctl import inventory, runs
from pipeline import layout
from pipeline.errors import StoreError
from pipeline.lease import this_process
from pipeline.store import Versioned
from pipeline.store.folder import FolderStore
from tests.htctl import stores
from tests.htctl.stores import add_run, ago, lease


def read(store: FolderStore) -> dict[str, runs.Run]:
    found, problems = runs.read(store, inventory.count(store.list("")))
    assert problems == []
    return {run.name: run for run in found}


def test_how_far_and_when_each_run_was_last_at_work(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    made = datetime.now(UTC)
    monkeypatch.setattr(stores, "now", lambda: made)
    add_run(store, "r1", current=True)
    add_run(store, "r2", 3, checkpoints=True)
    add_run(store, "r3", 5, done=("scrape", "clean"))
    add_run(store, "r4", done=())
    found = read(store)
    assert {name: (run.current, run.complete) for name, run in found.items()} == {
        "r1": (True, True), "r2": (False, True), "r3": (False, False), "r4": (False, False),
    }  # fmt: skip
    for name, days in (("r2", 3), ("r3", 5)):
        at = found[name].at
        assert at is not None
        assert abs(made - at - timedelta(days=days)) < timedelta(seconds=2)
    assert found["r4"].at is None
    assert found["r2"].checkpoints == len("states{}")
    assert found["r4"].bytes > 0


def test_a_lease_tells_that_a_run_is_in_use_and_when_it_was(store: FolderStore) -> None:
    add_run(store, "r1", done=(), lease={"renewed": ago(0, minutes=50)})
    then = ago(9)
    add_run(store, "r2", done=(), lease={"renewed": then})
    add_run(store, "r3", done=(), lease={"now": runs.DELETING})
    found = read(store)
    assert [run.in_use for run in found.values()] == [True, False, False]
    assert [run.deleting for run in found.values()] == [False, False, True]
    assert found["r2"].at == runs.moment(then)


@pytest.mark.parametrize(
    ("found", "used"),
    [
        (None, False),
        (lease(renewed=ago(0, minutes=30)), True),
        (lease(renewed=ago(0, minutes=61)), False),
        (lease(renewed=ago(0, minutes=1), released=True), False),
        (lease(renewed=ago(0, minutes=-10)), True),
        (lease(now=runs.DELETING), False),
        (lease(holder=dataclasses.replace(this_process(), began="0")), False),
        (lease(holder=this_process()), True),
        (b'{"renewed": null}', True),
        (b"{", True),
    ],
)
def test_in_use(found: bytes | None, used: bool) -> None:
    assert runs.in_use(Versioned(found, "v") if found else None) is used


def test_a_bot_whose_pointer_is_broken_is_left_alone(store: FolderStore) -> None:
    add_run(store, "r1")
    add_run(store, "r2", bot="bob")
    store.write(layout.latest("alice"), b"{")
    found, problems = runs.read(store, inventory.count(store.list("")))
    assert [run.bot for run in found] == ["bob"]
    assert problems == [f"{store.address}/bots/alice/latest.json is not JSON: the runs of alice are left alone"]


def test_a_broken_marker_or_lease_is_no_fault(store: FolderStore) -> None:
    keys = add_run(store, "r1", done=("scrape",))
    store.write(keys.stage("scrape"), b"[1]")
    store.write(keys.lease, b"\xff")
    (run,) = read(store).values()
    assert (run.at, run.in_use) == (None, True)


def test_posts_that_are_named_and_a_config_that_does_not_say(store: FolderStore) -> None:
    add_run(store, "r1", posts="aa")
    keys = add_run(store, "r2", posts="bb")
    held = inventory.count(store.list(""))
    assert runs.named_posts(store, held, set()) == {"aa", "bb"}
    assert runs.named_posts(store, held, {("alice", "r2")}) == {"aa"}
    store.write(keys.config, b"{")
    with pytest.raises(StoreError, match=r"r2/config\.json cannot be read"):
        runs.named_posts(store, held, set())
