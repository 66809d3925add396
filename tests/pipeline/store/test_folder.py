from pathlib import Path

import pytest

from pipeline.errors import StoreError
from pipeline.store import ABSENT
from pipeline.store.folder import HIDDEN, FolderStore


def test_a_key_cannot_lead_out(store: FolderStore) -> None:
    with pytest.raises(StoreError, match="leads out of the store"):
        store.write("../outside", b"")


def test_an_unusable_folder_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="cannot be read or written: Not a directory"):
        FolderStore(tmp_path / "file" / "store").write("key", b"")


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
