"""One process makes a run at a time: who may take its lease, and what becomes of who lost it."""

import dataclasses
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline import lease, moments
from pipeline.errors import BusyError, LeaseLostError
from pipeline.lease import Holder, State
from pipeline.store import ABSENT, Store, open_store
from pipeline.store.folder import FolderStore

KEY = "bots/alice/runs/test-12345678/lease.json"


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return open_store(str(tmp_path / "store"))
    return open_store(request.getfixturevalue("s3").address(tmp_path.name))


def take(store: Store, seconds: float = 60) -> lease.Lease:
    said: list[str] = []
    return lease.take(store, KEY, seconds, said.append)


def held_elsewhere(store: Store, seconds: float, **changes: Any) -> State:
    """The lease as a process on another machine holds it."""
    holder = Holder("token", "far-away", "", 1, "another boot", "1")
    state = State(7, holder, seconds, moments.utc(), moments.utc(), **changes)
    store.write(KEY, state.to_bytes())
    return state


def read(store: Store) -> State:
    found = store.read(KEY)
    assert found is not None
    return State.parse(found.data)


def test_the_first_to_come_has_generation_one(store: Store) -> None:
    taken = take(store)
    taken.check()
    assert (taken.state.generation, taken.before) == (1, None)
    assert read(store).holder.pid == os.getpid()


def test_one_that_was_given_back_is_taken_at_once(store: Store) -> None:
    take(store).renew({"stage": "train"}, released=True)
    taken = take(store)
    assert taken.state.generation == 2
    assert taken.before
    assert taken.before.now == {"stage": "train"}


def test_a_holder_on_this_machine_that_is_alive_is_told_of_at_once(store: Store) -> None:
    take(store)
    started = time.monotonic()
    with pytest.raises(BusyError, match=rf"run test-12345678 is in the hands of process {os.getpid()} on .* since "):
        take(store)
    assert time.monotonic() - started < 5


def test_a_holder_on_this_machine_that_was_killed_is_followed_at_once(store: Store, tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pipeline import lease\nfrom pipeline.store import open_store\n"
        f"lease.take(open_store({store.address!r}), {KEY!r}, 60, print); print('taken', flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "taken\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    started = time.monotonic()
    assert take(store).state.generation == 2
    assert time.monotonic() - started < 10


def test_a_process_number_that_is_used_again_is_another_process(store: Store) -> None:
    me = lease.this_process()
    state = State(3, dataclasses.replace(me, began="1"), 60, moments.utc(), moments.utc())
    store.write(KEY, state.to_bytes())
    assert take(store).state.generation == 4


def test_a_silent_holder_elsewhere_is_followed_after_its_span(store: Store) -> None:
    """Its clock may say anything: what counts is how long we saw no change."""
    held_elsewhere(store, seconds=1.5)
    started, said = time.monotonic(), []
    taken = lease.take(store, KEY, 60, said.append)
    assert time.monotonic() - started >= 1.5
    assert taken.state.generation == 8
    assert said == [
        "process 1 on far-away had run test-12345678 in hand; waiting up to 1.5 s to see whether it still is"
    ]


def test_a_holder_elsewhere_that_is_alive_is_found_out_while_waiting(store: Store) -> None:
    state = held_elsewhere(store, seconds=30)
    alive = dataclasses.replace(state, renewed="later")
    threading.Timer(0.5, lambda: store.write(KEY, alive.to_bytes())).start()
    started = time.monotonic()
    with pytest.raises(BusyError, match="process 1 on far-away"):
        take(store)
    assert time.monotonic() - started < 10


def test_a_stopped_holder_on_this_machine_is_followed_after_its_span(store: Store) -> None:
    """It is there, but renewed nothing for longer than it should."""
    me = lease.this_process()
    store.write(KEY, State(1, me, 1.5, moments.utc(), moments.utc(time.time() - 10)).to_bytes())
    assert take(store).state.generation == 2


def test_who_was_overtaken_is_told_at_every_check_and_renewal(store: Store) -> None:
    first = take(store)
    first.renew({"stage": "train", "step": 4})
    first.check()
    held_elsewhere(store, seconds=60)
    for action in (first.check, lambda: first.renew({}), lambda: first.renew({}, released=True)):
        with pytest.raises(LeaseLostError, match="process 1 on far-away has taken this run over"):
            action()
    assert read(store).generation == 7
    store.delete(KEY)
    with pytest.raises(LeaseLostError, match="its lease is gone"):
        first.check()


def test_renewing_says_how_far_the_run_is(store: Store) -> None:
    taken = take(store)
    for step in (1, 2):
        taken.renew({"stage": "train", "step": step})
    assert read(store).now == {"stage": "train", "step": 2}
    assert not read(store).released


def _race(address: str, start: Any, wins: Any) -> None:
    start.wait()
    try:
        wins.put(lease.take(open_store(address), KEY, 60, lambda _: None).state.generation)
    except BusyError:
        wins.put(0)
    start.wait()  # who has ended holds nothing any more


def test_of_many_that_find_it_free_one_takes_it(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    held_elsewhere(store, seconds=60, released=True)
    context = multiprocessing.get_context("fork")
    start, wins = context.Barrier(6), context.Queue()
    racers = [context.Process(target=_race, args=(store.address, start, wins)) for _ in range(6)]
    for racer in racers:
        racer.start()
    found = sorted(wins.get(timeout=60) for _ in racers)
    for racer in racers:
        racer.join()
    assert found[-1] == 8
    assert found.count(8) == 1


def test_a_lease_is_read_as_it_was_written() -> None:
    state = State(2, lease.this_process(), 60, moments.utc(), moments.utc(), now={"stage": "日本"})
    assert State.parse(state.to_bytes()) == state
    assert ABSENT == ""
