import fcntl
import threading
from pathlib import Path

import pytest

from pipeline.errors import StoreError, TryLaterError
from pipeline.store import ABSENT, folder
from pipeline.store.folder import HIDDEN, FolderStore


def test_a_key_cannot_lead_out(store: FolderStore) -> None:
    with pytest.raises(StoreError, match="leads out of the store"):
        store.write("../outside", b"")


def test_an_unusable_folder_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="cannot be read or written: Not a directory"):
        FolderStore(tmp_path / "file" / "store").write("key", b"")


def test_a_folder_that_cannot_be_listed_is_not_an_empty_one(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", path)

    store.write("bots/a", b"")
    monkeypatch.setattr("os.scandir", refuse)
    monkeypatch.setattr("os.listdir", refuse)
    for look in (store.list, store.folders):
        with pytest.raises(StoreError, match="cannot be read or written: Permission denied"):
            look("bots/")


def test_what_is_hidden_is_no_key(store: FolderStore) -> None:
    store.swap("a", b"1", ABSENT)
    assert (store.root / HIDDEN).is_dir()
    assert [entry.key for entry in store.list("")] == ["a"]
    assert list(store.folders("")) == []


def test_an_object_is_readable_by_others(store: FolderStore) -> None:
    store.write("a", b"1")
    assert (store.root / "a").stat().st_mode & 0o777 == 0o644


def test_a_folder_goes_with_its_last_object(store: FolderStore) -> None:
    store.write("a/b/c", b"x")
    store.delete("a/b/c")
    assert list(store.folders("")) == []


def test_a_listing_beside_a_writer_that_deletes_is_no_fault(store: FolderStore) -> None:
    """A file that goes between its name and its size is one that is not there."""
    done = threading.Event()

    def come_and_go() -> None:
        while not done.is_set():
            store.write("a/b", b"x")
            store.delete("a/b")

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        for _ in range(1500):
            assert {entry.key for entry in store.list("")} <= {"a/b"}
    finally:
        done.set()
        thread.join()


def test_a_writer_that_was_stopped_inside_its_lock_is_not_waited_for_for_ever(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "LOCK_WAIT_S", 0.1)
    store.write("a/b", b"1")
    (lock,) = (store.root / HIDDEN).glob("*.lock")
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(TryLaterError, match=r"lock on a/b for 0.1 s: it may be stopped; .*fuser .*\.lock names it"):
            store.write("a/b", b"2")
    store.write("a/b", b"3")
    assert store.read("a/b").data == b"3"
