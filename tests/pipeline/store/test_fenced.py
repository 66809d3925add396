"""A writer that was overtaken can do no harm, whatever it was at when it was stopped: on a folder and on a bucket."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import LeaseLostError, StoreError
from pipeline.store import ABSENT, Store, open_store
from pipeline.store.fenced import TRIES, FencedStore


class Fence:
    """A check that passes until somebody else takes over; `at_check` happens right after it has passed."""

    def __init__(self) -> None:
        self.open = True
        self.at_check: Callable[[], Any] = lambda: None

    def __call__(self) -> None:
        if not self.open:
            raise LeaseLostError("taken over")
        at_check, self.at_check = self.at_check, lambda: None
        at_check()


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return open_store(str(tmp_path / "store"))
    return open_store(request.getfixturevalue("s3").address(tmp_path.name))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"mine")
    return path


def data(store: Store, key: str) -> bytes:
    found = store.read(key)
    assert found is not None
    return found.data


def test_with_the_lease_every_write_is_made(store: Store, file: Path) -> None:
    fenced = FencedStore(store, Fence())
    fenced.write("a", b"1")
    fenced.write("a", b"2")
    fenced.upload(file, "b")
    fenced.upload(file, "b")
    assert fenced.swap("c", b"3", ABSENT)
    assert fenced.swap_file(file, "d", ABSENT)
    assert [data(fenced, key) for key in "abcd"] == [b"2", b"mine", b"3", b"mine"]
    fenced.delete("a")
    assert not fenced.exists("a")


@pytest.mark.parametrize(
    "write",
    [
        lambda fenced, _: fenced.write("key", b"mine"),
        lambda fenced, file: fenced.upload(file, "key"),
        lambda fenced, _: fenced.swap("key", b"mine", fenced.version("key")),
        lambda fenced, file: fenced.swap_file(file, "key", fenced.version("key")),
        lambda fenced, _: fenced.delete("key"),
    ],
)
def test_without_it_none_is(store: Store, file: Path, write: Any) -> None:
    store.write("key", b"theirs")
    fence = Fence()
    fence.open = False
    with pytest.raises(LeaseLostError):
        write(FencedStore(store, fence), file)
    assert data(store, "key") == b"theirs"


@pytest.mark.parametrize("before", [None, b"before"])
@pytest.mark.parametrize(
    "write", [lambda fenced, _: fenced.write("key", b"mine"), lambda fenced, file: fenced.upload(file, "key")]
)
def test_one_stopped_between_its_check_and_its_write_writes_nothing(
    store: Store, file: Path, write: Any, before: bytes | None
) -> None:
    if before:
        store.write("key", before)
    fence = Fence()

    def overtaken() -> None:
        fence.open = False
        store.write("key", b"theirs")

    fence.at_check = overtaken
    with pytest.raises(LeaseLostError):
        write(FencedStore(store, fence), file)
    assert data(store, "key") == b"theirs"


def test_the_holder_writes_over_what_an_overtaken_one_still_got_in(store: Store) -> None:
    fence = Fence()
    fence.at_check = lambda: store.write("key", b"late")
    FencedStore(store, fence).write("key", b"mine")
    assert data(store, "key") == b"mine"


def test_a_store_that_others_write_to_all_the_time_is_told(tmp_path: Path) -> None:
    store, turns = open_store(str(tmp_path)), iter(range(1000))

    def check() -> None:
        store.write("key", str(next(turns)).encode())

    with pytest.raises(StoreError, match=f"was written by others {TRIES} times"):
        FencedStore(store, check).write("key", b"mine")
