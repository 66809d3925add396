import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from pipeline import lease, turns
from pipeline.errors import BusyError, LeaseLostError
from pipeline.store.folder import FolderStore

KEY = "posts/x/alice/lease.json"


def quiet(text: str) -> None:
    pass


def test_one_at_a_time_and_given_back(store: FolderStore) -> None:
    with turns.turn(store, KEY, 60, "@alice", quiet) as mine:
        mine.write("a", b"1")
        with (
            pytest.raises(BusyError, match="@alice is in the hands of process"),
            turns.turn(store, KEY, 60, "@alice", quiet),
        ):
            pass
    with turns.turn(store, KEY, 60, "@alice", quiet):
        pass


def test_given_back_after_a_fault_too(store: FolderStore) -> None:
    with suppress(ZeroDivisionError), turns.turn(store, KEY, 60, "@alice", quiet):
        raise ZeroDivisionError
    with turns.turn(store, KEY, 60, "@alice", quiet):
        pass


def test_it_is_renewed_while_it_lasts(store: FolderStore) -> None:
    with turns.turn(store, KEY, 0.3, "@alice", quiet):
        before = store.version(KEY)
        time.sleep(0.4)
        assert store.version(KEY) != before


def test_who_was_overtaken_writes_nothing(store: FolderStore) -> None:
    with pytest.raises(LeaseLostError), turns.turn(store, KEY, 60, "@alice", quiet) as mine:
        assert lease.seize(store, KEY, 60, store.read(KEY))
        mine.write("a", b"1")
    assert not store.exists("a")


def test_never_two_at_once(store: FolderStore) -> None:
    inside, most, lock = 0, 0, threading.Lock()

    def work(_: int) -> bool:
        nonlocal inside, most
        try:
            with turns.turn(store, KEY, 60, "@alice", quiet):
                with lock:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.01)
                with lock:
                    inside -= 1
                return True
        except BusyError:
            return False

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(work, range(40)))
    assert any(done)
    assert most == 1
