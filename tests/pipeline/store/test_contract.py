"""What every store promises, the same tests for each: a folder, and a bucket on a real S3 server."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import StoreError
from pipeline.store import ABSENT, Store, open_store


@pytest.fixture(params=["folder", "s3"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "store")
    server = request.getfixturevalue("s3")
    return str(server.address(tmp_path.name))


@pytest.fixture
def store(address: str) -> Store:
    return open_store(address)


def data(store: Store, key: str) -> bytes:
    found = store.read(key)
    assert found is not None
    return found.data


def test_what_is_written_is_read(store: Store) -> None:
    assert store.read("a/b") is None
    assert not store.exists("a/b")
    store.write("a/b", b"one")
    store.write("a/b", b"two")
    assert data(store, "a/b") == b"two"
    assert store.exists("a/b")


@pytest.mark.parametrize("name", ["user@server.org", "did:plc:ewvi7nxzyoun6zhxrhs64oiz", "alice.bsky.social", "_x_"])
def test_every_source_s_handles_can_be_in_a_key(store: Store, tmp_path: Path, name: str) -> None:
    keys = [f"posts/{name}.jsonl.gz", f"posts/{name}/pages/000000.json.gz"]
    for key in keys:
        assert store.swap(key, b"one", ABSENT)
        (tmp_path / "two").write_bytes(b"two")
        store.upload(tmp_path / "two", key)
        assert store.local(key, tmp_path / "scratch").read_bytes() == b"two"
    assert {entry.key for entry in store.list("posts/")} == set(keys)
    assert list(store.folders("posts/")) == [name]


def test_a_swap_wants_the_version_that_was_read(store: Store) -> None:
    assert store.swap("key", b"first", ABSENT)
    assert not store.swap("key", b"late", ABSENT)
    found = store.read("key")
    assert found is not None
    assert store.swap("key", b"second", found.version)
    assert not store.swap("key", b"third", found.version)
    assert data(store, "key") == b"second"


def test_a_version_names_what_is_there(store: Store) -> None:
    assert store.version("key") == ABSENT
    store.write("key", b"first")
    first = store.version("key")
    found = store.read("key")
    assert found is not None
    assert first == found.version
    store.write("key", b"other")
    assert store.version("key") not in (ABSENT, first)
    assert not store.swap("key", b"late", first)
    assert store.swap("key", b"third", store.version("key"))
    store.delete("key")
    assert store.version("key") == ABSENT


@pytest.mark.parametrize("size", [5, 40 << 20])
def test_a_file_is_swapped_like_bytes(store: Store, tmp_path: Path, size: int) -> None:
    """5 bytes are one request to a bucket; 40 MiB are parts, and the last request carries the condition."""
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.write_bytes(b"m" * size)
    theirs.write_bytes(b"t" * size)
    assert store.swap_file(theirs, "file", ABSENT)
    assert not store.swap_file(mine, "file", ABSENT)
    read = store.version("file")
    assert store.swap_file(mine, "file", read)
    assert not store.swap_file(theirs, "file", read)
    assert store.local("file", tmp_path / "scratch").read_bytes() == mine.read_bytes()
    assert [entry.key for entry in store.list("")] == ["file"]


def test_a_swap_of_what_has_gone_is_lost(store: Store) -> None:
    store.write("other", b"x")
    found = store.read("other")
    assert found is not None
    assert not store.swap("never there", b"y", found.version)
    assert not store.exists("never there")


def test_the_same_bytes_have_been_written_already(store: Store) -> None:
    """An answer that was lost on its way: the caller asks again, and it is no lost race."""
    assert store.swap("key", b"mine", ABSENT)
    found = store.read("key")
    assert found is not None
    assert store.swap("key", b"next", found.version)
    assert store.swap("key", b"next", found.version)
    assert data(store, "key") == b"next"


def test_of_many_writers_one_wins(address: str) -> None:
    stores = [open_store(address) for _ in range(8)]
    for turn in range(3):
        wins: list[int] = []
        start = threading.Barrier(8)

        def race(number: int, turn: int, start: Any, wins: list[int]) -> None:
            start.wait()
            if stores[number].swap(f"race/{turn}", f"writer {number}".encode(), ABSENT):
                wins.append(number)

        threads = [threading.Thread(target=race, args=(number, turn, start, wins)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(wins) == 1
        assert data(open_store(address), f"race/{turn}") == f"writer {wins[0]}".encode()


def test_files_of_any_size_go_up_and_come_back(store: Store, tmp_path: Path) -> None:
    for size in (0, 1, 40 << 20):  # 40 MiB: several parts
        path = tmp_path / f"file-{size}"
        path.write_bytes(os.urandom(size))
        store.upload(path, f"files/{size}")
        scratch = tmp_path / "scratch"
        assert store.local(f"files/{size}", scratch).read_bytes() == path.read_bytes()


def test_an_upload_is_a_copy(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"first")
    store.upload(path, "x/file")
    path.write_bytes(b"changed later")
    assert store.local("x/file", tmp_path / "scratch").read_bytes() == b"first"


def test_lists_show_keys_in_order_and_folders_by_name(store: Store) -> None:
    for key in ("bots/b/latest.json", "bots/a/latest.json", "bots/a/runs/r/config.json", "other"):
        assert store.swap(key, b"12", ABSENT)
    assert [entry.key for entry in store.list("bots/a/")] == ["bots/a/latest.json", "bots/a/runs/r/config.json"]
    assert [entry.size for entry in store.list("bots/a/l")] == [2]
    assert list(store.folders("bots/")) == ["a", "b"]
    assert list(store.folders("nothing/")) == []
    assert [entry.key for entry in store.list("")][-1] == "other"
    assert len(list(store.list(""))) == 4


def test_strange_names_are_keys_like_any_other(store: Store) -> None:
    for name in ("日本 語.json", "a+b&c=d?e#f.json", "100%.json"):
        store.write(f"names/{name}", name.encode())
        assert data(store, f"names/{name}") == name.encode()
    assert len(list(store.list("names/"))) == 3


def test_a_missing_object_is_named(store: Store, tmp_path: Path) -> None:
    store.write("there", b"")
    with pytest.raises(StoreError, match="a/b is missing"):
        store.local("a/b", tmp_path / "scratch")


def test_what_is_deleted_is_gone(store: Store) -> None:
    for key in ("a/b/c", "a/b/d"):
        store.write(key, b"x")
    store.delete("a/b/c")
    store.delete("a/b/c")
    store.delete("never/there")
    assert [entry.key for entry in store.list("")] == ["a/b/d"]
    store.delete("a/b/d")
    assert list(store.list("")) == []


def test_a_failed_upload_leaves_no_object(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        store.upload(tmp_path / "is not there", "key")
    assert not store.exists("key")
