import threading
from pathlib import Path

import pytest

from pipeline.errors import StoreError
from pipeline.store import ABSENT
from pipeline.store.folder import HIDDEN, FolderStore


def test_read_write_exists(store: FolderStore) -> None:
    assert store.read("a/b") is None
    assert not store.exists("a/b")
    store.write("a/b", b"one")
    store.write("a/b", b"two")
    found = store.read("a/b")
    assert found is not None
    assert found.data == b"two"
    assert store.exists("a/b")


def test_swap_wants_the_version_that_was_read(store: FolderStore) -> None:
    assert store.swap("key", b"first", ABSENT)
    assert not store.swap("key", b"late", ABSENT)
    found = store.read("key")
    assert found is not None
    assert store.swap("key", b"second", found.version)
    assert not store.swap("key", b"third", found.version)
    assert store.read("key").data == b"second"  # type: ignore[union-attr]


def test_of_many_writers_of_one_version_one_wins(store: FolderStore) -> None:
    wins: list[int] = []
    start = threading.Barrier(8)

    def race(number: int) -> None:
        start.wait()
        if FolderStore(store.root).swap("key", str(number).encode(), ABSENT):
            wins.append(number)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wins) == 1
    assert store.read("key").data == str(wins[0]).encode()  # type: ignore[union-attr]


def test_upload_copies_and_leaves_the_file_alone(store: FolderStore, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"first")
    store.upload(path, "x/file")
    path.write_bytes(b"changed later")
    assert store.local("x/file", tmp_path).read_bytes() == b"first"


def test_list_and_folders_show_keys_only(store: FolderStore) -> None:
    for key in ("bots/b/latest.json", "bots/a/latest.json", "bots/a/runs/r/config.json", "other"):
        store.swap(key, b"12", ABSENT)
    assert [entry.key for entry in store.list("bots/a/")] == ["bots/a/latest.json", "bots/a/runs/r/config.json"]
    assert [entry.size for entry in store.list("bots/a/l")] == [2]
    assert list(store.folders("bots/")) == ["a", "b"]
    assert list(store.folders("nothing/")) == []
    assert not any(HIDDEN in entry.key for entry in store.list(""))


def test_a_key_cannot_lead_out(store: FolderStore) -> None:
    with pytest.raises(StoreError, match="leads out of the store"):
        store.write("../outside", b"")


def test_a_missing_object_is_named(store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="a/b is missing"):
        store.local("a/b", tmp_path)


def test_an_unusable_folder_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="cannot read or write key: Not a directory"):
        FolderStore(tmp_path / "file" / "store").write("key", b"")


def test_a_failed_upload_leaves_no_object(store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        store.upload(tmp_path / "is not there", "key")
    assert not store.exists("key")
