from collections.abc import Iterator
from typing import Any

import pytest

from htctl import inventory, removal, runs
from pipeline import layout
from pipeline.layout import RunKeys
from pipeline.lease import State
from pipeline.store import Store, open_store
from pipeline.store.folder import FolderStore
from tests.htctl.stores import add_run, ago, lease, names


class Killed(BaseException):
    """The process ends here, as by kill -9: nothing after it is done."""


class Mortal:
    """A store whose user is killed before its n-th deletion, one at a time."""

    def __init__(self, store: FolderStore, deletions: int) -> None:
        self.store, self.left = store, deletions

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def delete(self, key: str) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1
        self.store.delete(key)


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Store]:
    if request.param == "folder":
        yield open_store(str(tmp_path / "store"))
    else:
        yield open_store(request.getfixturevalue("s3").address(tmp_path.name))


def keys_of(store: Store) -> list[str]:
    return [entry.key for entry in store.list("")]


def test_a_run_goes_and_nothing_else_does(store: Store) -> None:
    kept = add_run(store, "r1", current=True)
    before = keys_of(store)
    old = add_run(store, "r10", checkpoints=True)
    assert removal.remove_run(store, old) == ""
    assert keys_of(store) == before
    assert removal.remove_run(store, kept) == "it is the bot's current run now"
    assert keys_of(store) == sorted([*before, kept.lease])


def test_a_run_that_became_current_meanwhile_stays_and_is_free_again(store: Store) -> None:
    keys = add_run(store, "r1")
    before = keys_of(store)
    store.write(layout.latest("alice"), b'{"run": "r1"}')
    assert removal.remove_run(store, keys) == "it is the bot's current run now"
    assert keys_of(store) == sorted([*before, layout.latest("alice"), keys.lease])
    assert State.parse(store.read(keys.lease).data).released  # type: ignore[union-attr]


def test_a_run_that_somebody_works_on_stays(store: Store) -> None:
    keys = add_run(store, "r1", checkpoints=True, lease={"renewed": ago(0, minutes=5)})
    before = keys_of(store)
    assert removal.remove_run(store, keys) == removal.remove_checkpoints(store, keys) == removal.TAKEN
    assert keys_of(store) == before


def test_checkpoints_go_and_the_run_stays(store: Store) -> None:
    keys = add_run(store, "r1")
    before = keys_of(store)
    add_run(store, "r1", checkpoints=True)
    assert removal.remove_checkpoints(store, keys) == ""
    assert keys_of(store) == before


def test_posts_go_with_their_index_first(tmp_path: Any) -> None:
    store = FolderStore((tmp_path / "store").resolve())
    for name in ("data", "index.json"):
        store.write(layout.posts_file("ff", name), b"x")
    mortal: Any = Mortal(store, 1)
    with pytest.raises(Killed):
        removal.remove_posts(mortal, "ff")
    assert keys_of(store) == ["posts/file/ff/data"]
    removal.remove_posts(store, "ff")
    assert keys_of(store) == []


def test_killed_anywhere_it_leaves_nothing_that_is_believed_and_is_finished_by_the_next(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "AT_ONCE", 1)
    for deletions in range(100):
        store = FolderStore((tmp_path / str(deletions)).resolve())
        keys = add_run(store, "r1", checkpoints=True, done=("scrape", "clean", "dataset", "train"))
        whole = keys_of(store)
        mortal: Any = Mortal(store, deletions)
        try:
            removal.remove_run(mortal, keys)
        except Killed:
            _is_half_deleted(store, keys, whole)
            assert removal.remove_run(store, keys) == ""
            assert names(store) == []
        else:
            assert deletions == len(whole) + 1  # with the lease: killed before each
            return
    raise AssertionError("never finished")


def _is_half_deleted(store: FolderStore, keys: RunKeys, whole: list[str]) -> None:
    """No marker without all that it speaks of; and the rule sees that the run is on its way out."""
    left = set(keys_of(store))
    markers = {key for key in left if "/stages/" in key}
    if markers:
        assert {key for key in whole if "/stages/" not in key} < left
    (run,) = runs.read(store, inventory.count(store.list("")))[0]
    assert run.deleting
    assert not run.complete
    assert not run.in_use


def test_a_run_that_is_taken_up_while_its_gc_sleeps_is_left_to_its_maker(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "CHUNK", 1)
    store = FolderStore((tmp_path / "store").resolve())
    keys = add_run(store, "r1")

    class Sleepy(Mortal):
        def delete(self, key: str) -> None:
            super().delete(key)
            if self.left == 90:  # ten are gone
                self.store.write(keys.lease, lease())

    sleepy: Any = Sleepy(store, 100)
    assert removal.remove_run(sleepy, keys) == removal.TAKEN
    found = store.read(keys.lease)
    assert found is not None
    assert State.parse(found.data).holder.host == "far-away"
    assert sleepy.left == 90
