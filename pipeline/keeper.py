"""Keeps a run while it is made: its lease, its attempts' record and its log, from a thread beside the work."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator

from pipeline import attempts
from pipeline.errors import GaveUpError, HtctlError, LeaseLostError, reason, told
from pipeline.layout import RunKeys
from pipeline.lease import RENEWALS, Lease, take
from pipeline.moments import utc
from pipeline.progress import Report
from pipeline.settings import Limits
from pipeline.store import Store
from pipeline.store.fenced import FencedStore
from pipeline.store.objects import read_json, to_bytes
from pipeline.training import checkpoints


@contextlib.contextmanager
def attempt(store: Store, keys: RunKeys, limits: Limits, report: Report) -> Iterator[Store]:
    """One attempt at a run: the store, writable for as long as this process holds the run's lease.

    Raises BusyError where another process makes the run, GaveUpError where it was tried too often or too long.
    """
    lease = take(store, keys.lease, limits.lease_seconds, report.line)
    keeper = Keeper(lease, keys, limits, report)
    try:
        keeper.begin()
        yield keeper.store
    except BaseException as error:
        cause = keeper.stop() or error
        keeper.close(*told(cause))
        if cause is error:
            raise
        raise cause from None
    keeper.stop()
    keeper.close(0, "")


class Keeper:
    """Renews the lease a few times in each of its spans; ends the process when it is lost, or the time is up."""

    def __init__(self, lease: Lease, keys: RunKeys, limits: Limits, report: Report) -> None:
        self.lease, self.keys, self.limits, self.report = lease, keys, limits, report
        self.store = FencedStore(lease.store, lease.check)
        self.records: list[attempts.Record] = []
        self.ending: HtctlError | None = None  # why the process was told to stop, where it was by this thread
        self._log, self._logged = b"", 0
        self._stopped, self._thread = threading.Event(), threading.Thread(target=self._keep, daemon=True)

    def begin(self) -> None:
        """Record that this attempt begins, unless there were too many, and start the thread."""
        records = read_json(self.store, self.keys.attempts).get("attempts", [])
        records = attempts.begun(records, self.lease.state, self.lease.before, self._saved())
        attempts.check(self.keys.run, records[:-1], self.limits)
        self.records = records
        self._write_records()
        earlier = self.store.read(self.keys.log)
        self._log = earlier.data if earlier else b""
        attempts.avoid_node(records[:-1], self.lease.state.holder.node)
        self._thread.start()

    def stop(self) -> HtctlError | None:
        """End the thread; returns why it ended the process, if it did."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        return self.ending

    def close(self, code: int, line: str) -> None:
        """Record how the attempt ended, keep its log, give the lease back; a store that fails now has said so."""
        with contextlib.suppress(HtctlError):
            if self.records:
                self.records = attempts.ended(self.records, utc(), code, reason(line), self.report.now, self._saved())
                self._write_records()
                self._write_log(line)
            self.lease.renew(self.report.now, released=True)

    def _keep(self) -> None:
        """The thread: until told to stop, or there is a reason to end the process."""
        began, before = time.monotonic(), attempts.seconds_spent(self.records)
        while not self.ending and not self._stopped.wait(self.limits.lease_seconds / RENEWALS):
            try:
                self.lease.renew(dict(self.report.now))
                self._write_log()
            except LeaseLostError as error:
                self.ending = error
            except HtctlError:
                continue  # the store is away; if it is so for too long, the work finds out too
            if before + time.monotonic() - began > 3600 * self.limits.hours:
                self.ending = self.ending or GaveUpError(attempts.time_is_up(self.keys.run, self.limits))
        if self.ending:
            os.kill(os.getpid(), signal.SIGTERM)  # so that the main thread saves what it may, and stops

    def _saved(self) -> int | None:
        """The last training step that is in a checkpoint; None where the training is done."""
        if self.store.exists(self.keys.stage("train")):
            return None
        return max(map(int, checkpoints.complete(self.store, self.keys)), default=0)

    def _write_records(self) -> None:
        self.store.write(self.keys.attempts, to_bytes({"attempts": self.records}))

    def _write_log(self, last: str = "") -> None:
        """What every attempt said, this one under a heading of its own; only where there is something new."""
        said = [*self.report.said, *([f"{utc()} {last}"] if last else [])]
        if len(said) > self._logged:
            heading = f"--- attempt {self.lease.state.generation}, {self.lease.state.holder}"
            text = "".join(f"{line}\n" for line in [heading, *said])
            self.store.write(self.keys.log, self._log + text.encode())
            self._logged = len(said)
