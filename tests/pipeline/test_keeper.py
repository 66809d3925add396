"""Whatever ends an attempt, the store says so, and what it may not write any more it does not write."""

import os
import signal
import time
from typing import Any

import pytest

from pipeline import keeper, lease, moments, stopping
from pipeline.config import NODE
from pipeline.errors import BusyError, ConfigError, GaveUpError, HtctlError, LeaseLostError, StoreError, TryLaterError
from pipeline.layout import RunKeys
from pipeline.lease import State
from pipeline.progress import Report
from pipeline.settings import Limits
from pipeline.store import Store
from pipeline.store.folder import FolderStore
from pipeline.store.objects import read_json

KEYS = RunKeys("alice", "test-12345678")
FAST = Limits(lease_seconds=1)


def records(store: Store) -> list[dict[str, Any]]:
    return list(read_json(store, KEYS.attempts)["attempts"])


def log(store: Store) -> str:
    found = store.read(KEYS.log)
    return found.data.decode() if found else ""


def released(store: Store) -> bool:
    return bool(read_json(store, KEYS.lease)["released"])


@pytest.fixture
def sigterm(monkeypatch: pytest.MonkeyPatch) -> Any:
    """SIGTERM as the pipeline takes it."""
    monkeypatch.setattr(stopping, "_told", [])
    before = signal.signal(signal.SIGTERM, stopping.heard)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_good_end(store: FolderStore) -> None:
    report = Report()
    with keeper.attempt(store, KEYS, Limits(), report) as mine:
        mine.write("a", b"1")
        report.line("all is well")
        assert "ended" not in records(store)[0]
    assert records(store)[0]["exit_code"] == 0
    assert released(store)
    assert log(store).startswith("--- attempt 1, process ")
    assert log(store).endswith(" all is well\n")


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (ConfigError("the wrong thing was asked"), 64, "the wrong thing was asked"),
        (KeyboardInterrupt(), 130, "stopped; the same command goes on from here"),
        (ZeroDivisionError("by zero"), 1, "ZeroDivisionError: by zero"),
    ],
)
def test_a_bad_end(store: FolderStore, error: BaseException, code: int, reason: str) -> None:
    report = Report()
    with pytest.raises(type(error)), keeper.attempt(store, KEYS, Limits(), report):
        report.now = {"stage": "clean"}
        raise error
    (record,) = records(store)
    assert (record["exit_code"], record["reason"], record["stage"]) == (code, reason, "clean")
    assert released(store)
    assert reason in log(store)


def test_the_log_keeps_every_attempt(store: FolderStore) -> None:
    for number in (1, 2):
        report = Report()
        with keeper.attempt(store, KEYS, Limits(), report):
            report.line(f"this is attempt {number}")
    lines = log(store).splitlines()
    assert [line.split(",")[0] for line in lines if line.startswith("---")] == ["--- attempt 1", "--- attempt 2"]
    assert lines[1].endswith("this is attempt 1")
    assert lines[3].endswith("this is attempt 2")


def test_two_at_once_one_works_and_the_other_says_so(store: FolderStore) -> None:
    with keeper.attempt(store, KEYS, Limits(), Report()) as mine:
        with pytest.raises(BusyError), keeper.attempt(store, KEYS, Limits(), Report()):
            pytest.fail("two hold it")
        mine.write("a", b"1")
    assert len(records(store)) == 1


def test_while_it_works_the_lease_is_renewed_and_the_log_is_kept(store: FolderStore) -> None:
    report = Report()
    with keeper.attempt(store, KEYS, FAST, report):
        report.line("still here")
        report.now = {"stage": "train", "step": 3}
        time.sleep(1.5)
        state = read_json(store, KEYS.lease)
        assert state["now"] == {"stage": "train", "step": 3}
        assert state["renewed"] > state["taken"]
        assert "still here" in log(store)  # a kill -9 now would not lose it


def test_who_is_overtaken_ends_by_itself_and_writes_nothing(store: FolderStore, sigterm: None) -> None:
    with pytest.raises(LeaseLostError, match="has taken this run over"):  # noqa: SIM117
        with keeper.attempt(store, KEYS, FAST, Report()) as mine:
            other = State(2, lease.this_process(), 60, moments.utc(), moments.utc())
            store.write(KEYS.lease, other.to_bytes())
            with pytest.raises(LeaseLostError):
                mine.write("a", b"late")
            time.sleep(30)  # the signal ends it long before
    assert not store.exists("a")
    assert "ended" not in records(store)[0]
    assert State.parse(store.read(KEYS.lease).data) == other  # type: ignore[union-attr]


def test_when_the_time_of_all_attempts_is_up_it_ends(store: FolderStore, sigterm: None) -> None:
    limits = Limits(lease_seconds=1, hours=0.0001)
    with pytest.raises(GaveUpError, match=r"has taken 0\.0001 hours in all"):  # noqa: SIM117
        with keeper.attempt(store, KEYS, limits, Report()):
            time.sleep(30)
    assert records(store)[0]["exit_code"] == 68
    assert released(store)
    with pytest.raises(GaveUpError), keeper.attempt(store, KEYS, limits, Report()):
        pytest.fail("tried once more")
    with keeper.attempt(store, KEYS, Limits(), Report()):  # more is allowed
        pass


def test_too_many_attempts_are_refused_and_leave_the_lease_free(store: FolderStore) -> None:
    for _ in range(2):
        with keeper.attempt(store, KEYS, Limits(attempts=2), Report()):
            pass
    with (
        pytest.raises(GaveUpError, match="was tried 2 times"),
        keeper.attempt(store, KEYS, Limits(attempts=2), Report()),
    ):
        pytest.fail("tried once more")
    assert released(store)
    assert len(records(store)) == 2


def test_sigterm_is_recorded_as_what_it_was(store: FolderStore, sigterm: None) -> None:
    with pytest.raises(TryLaterError), keeper.attempt(store, KEYS, Limits(), Report()):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert records(store)[0]["reason"].startswith("stopped on SIGTERM")


def test_steps_since_the_last_checkpoint_are_lost(store: FolderStore) -> None:
    report = Report()
    with pytest.raises(ZeroDivisionError), keeper.attempt(store, KEYS, Limits(), report) as mine:
        for name in ("000000005", "000000010"):
            mine.write(KEYS.checkpoint(f"{name}/engine/state"), b"")
            mine.write(KEYS.checkpoint(f"{name}.json"), b"{}")
        mine.write(KEYS.checkpoint("000000012/engine/state"), b"")  # torn: it has no marker
        report.now = {"stage": "train", "step": 13}
        raise ZeroDivisionError
    assert records(store)[0]["steps_lost"] == 3


def test_a_store_that_is_away_for_a_while_ends_nothing(
    store: FolderStore, sigterm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[str] = []

    def away(key: str) -> Any:
        failures.append(key)
        raise StoreError("away")

    with keeper.attempt(store, KEYS, FAST, Report()) as mine:
        with monkeypatch.context() as patch:
            patch.setattr(store, "read", away)
            for _ in range(300):
                if len(failures) > 1:
                    break
                time.sleep(0.01)
        assert len(failures) > 1
        mine.write("a", b"1")
    assert records(store)[0]["exit_code"] == 0


def test_an_attempt_on_a_bad_node_is_recorded_and_ends_before_the_work(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NODE, "n1")
    for code in (1, 1, 75):
        with pytest.raises(HtctlError), keeper.attempt(store, KEYS, FAST, Report()):
            assert code == 1
            raise StoreError("the disk is full")
    assert [record["exit_code"] for record in records(store)] == [1, 1, 75]
    assert records(store)[-1]["reason"].startswith("left to another node: 2 attempts failed on n1, the last one: ")
    assert released(store)
