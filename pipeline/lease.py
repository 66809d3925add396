"""The lease of a run: one process at a time makes it, and one that lost it can do no harm when it wakes.

`lease.json` says who makes the run and how far it is; the holder writes it anew a few times in each span of
`seconds`. Who finds it unchanged for so long, by a clock of its own, takes it over with the next generation:
no machine's clock is compared with another's. `check` is what fences the former holder off.
"""

import dataclasses
import json
import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config import NODE, POD
from pipeline.errors import BusyError, LeaseLostError
from pipeline.moments import moment, utc
from pipeline.store import ABSENT, Store, Versioned
from pipeline.store.objects import to_bytes

RENEWALS = 3  # in each span
LONGEST_LOOK_S = 2.0
IN_USE_S = 3600


@dataclass(frozen=True)
class Holder:
    """A process, told apart from every other one there ever is by its token."""

    token: str
    host: str
    node: str  # of Kubernetes, "" elsewhere
    pid: int
    kernel: str  # the boot and the process namespace that `pid` counts in; "" where unknown
    began: str  # when the process began, in the kernel's ticks: a number that is used again is another process

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@dataclass(frozen=True)
class State:
    """What `lease.json` holds; times are UTC, ISO 8601, for people to read."""

    generation: int
    holder: Holder
    seconds: float
    taken: str
    renewed: str
    released: bool = False
    now: dict[str, Any] = field(default_factory=dict)  # what the run is at: stage, done, total, step

    def to_bytes(self) -> bytes:
        return to_bytes(dataclasses.asdict(self))

    @classmethod
    def parse(cls, data: bytes) -> "State":
        """The inverse of `to_bytes`."""
        values = json.loads(data)
        return cls(**{**values, "holder": Holder(**values["holder"])})

    def at_work(self) -> bool:
        """Whether the holder may be alive, as far as the clocks tell: for who only looks."""
        return not self.released and not _has_ended(self.holder) and time.time() - moment(self.renewed) < IN_USE_S


class Lease:
    """A lease that was taken; `before` is what the former holder left, if there was one."""

    def __init__(self, store: Store, key: str, state: State, version: str, before: State | None) -> None:
        self.store, self.key, self.state, self.before = store, key, state, before
        self._version = version

    def check(self) -> None:
        """Raise LeaseLostError unless this process still holds the lease, as the store says now."""
        self._mine()

    def renew(self, now: dict[str, Any], released: bool = False) -> None:
        """Say that this process is alive, and how far it is; raises LeaseLostError where another has taken over."""
        self.state = dataclasses.replace(self.state, renewed=utc(), now=now, released=released)
        self.store.swap(self.key, self.state.to_bytes(), self._version)
        self._version = self._mine().version

    def _mine(self) -> Versioned:
        found = self.store.read(self.key)
        holder = State.parse(found.data).holder if found else None
        if found is None or holder != self.state.holder:
            by = f"{holder} has taken this run over" if holder else "its lease is gone"
            raise LeaseLostError(f"{self.store.place(self.key)}: {by}; this process ends and leaves it alone")
        return found


def take(store: Store, key: str, seconds: float, say: Callable[[str], None], what: str = "") -> Lease:
    """Take a lease, waiting to see whether another holder is still alive; where it is: BusyError."""
    what = what or f"run {key.split('/')[-2]}"
    while True:
        found = store.read(key)
        if found:
            _wait_until_free(store, key, found, State.parse(found.data), say, what)
        taken = seize(store, key, seconds, found)
        if taken:
            return taken


def seize(store: Store, key: str, seconds: float, found: Versioned | None) -> Lease | None:
    """Take a run's lease from whoever had it when it was read as `found`; None where it has changed since."""
    before = State.parse(found.data) if found else None
    generation = before.generation + 1 if before else 1
    state = State(generation, this_process(), seconds, taken=utc(), renewed=utc())
    if not store.swap(key, state.to_bytes(), found.version if found else ABSENT):
        return None
    mine = store.read(key)
    return Lease(store, key, state, mine.version, before) if mine and mine.data == state.to_bytes() else None


def _wait_until_free(
    store: Store, key: str, found: Versioned, state: State, say: Callable[[str], None], what: str
) -> None:
    """Return when the lease may be taken over; raise BusyError once its holder is known to be alive."""
    if state.released or _has_ended(state.holder):
        return
    if _is_of_this_machine(state.holder) and time.time() - moment(state.renewed) < 1.5 * state.seconds / RENEWALS:
        raise _busy(what, state)
    say(f"{state.holder} had {what} in hand; waiting up to {state.seconds:g} s to see whether it still is")
    started = time.monotonic()
    while time.monotonic() - started < state.seconds:
        time.sleep(min(state.seconds / RENEWALS / 2, LONGEST_LOOK_S))
        if store.version(key) != found.version:
            raise _busy(what, state)


def _busy(what: str, state: State) -> BusyError:
    return BusyError(
        f"{what} is in the hands of {state.holder} since {state.taken}; let it finish, or stop it and run again"
    )


def this_process() -> Holder:
    """This process as a holder, with a new token."""
    pid = os.getpid()
    host, node = os.environ.get(POD) or socket.gethostname(), os.environ.get(NODE, "")
    return Holder(secrets.token_hex(8), host, node, pid, _kernel(), _began(pid))


def _kernel() -> str:
    """The boot and the process namespace in which this process counts; "" where it is not Linux: nobody can tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _has_ended(holder: Holder) -> bool:
    """Whether it is certain that the holder's process is no more: only its own machine can tell."""
    return _is_of_this_machine(holder) and _began(holder.pid) != holder.began


def _is_of_this_machine(holder: Holder) -> bool:
    """Whether its process id counts here, and its clock is this one."""
    return bool(holder.kernel) and holder.kernel == _kernel()


def _began(pid: int) -> str:
    """When a process began, in ticks since the machine did (field 22 of proc_pid_stat(5)); "" if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
