"""What every further node of a run does: waits until there is something to train on, and trains with the first.

It holds no lease: while the first node's is renewed it waits, and it writes nothing once another has taken that over.
"""

import time
from collections.abc import Callable
from pathlib import Path

from pipeline.config import RunConfig
from pipeline.errors import LeaseLostError, TryLaterError
from pipeline.identity import bot_of, run_id
from pipeline.layout import RunKeys
from pipeline.lease import State
from pipeline.nodes import Node
from pipeline.progress import Report
from pipeline.stage import Context
from pipeline.stopping import leave_if_told
from pipeline.store import Store
from pipeline.store.fenced import FencedStore
from pipeline.store.objects import read_json

LOOK_S = 5.0  # seconds between looks into the store, at most; less at first


def run(config: RunConfig, store: Store, report: Report, scratch: Path, node: Node) -> str:
    """Take part in the training, unless it is over; returns what was done, in words."""
    keys = RunKeys(bot_of(config), run_id(config))
    patience = config.limits.meeting_seconds
    if not _over(store, keys):
        report.line(f"{node}: waits for the first one's dataset")
        _wait(store, keys, patience, lambda: store.exists(keys.stage("dataset")) or _over(store, keys))
    if _over(store, keys):
        return _say(report, keys, f"{node}: there is nothing to train")
    from pipeline.stages import train  # only now: it loads torch

    fenced = FencedStore(store, _Generation(store, keys).check)
    train.join(Context(config, fenced, keys, scratch, report), node)
    _wait(store, keys, patience, lambda: _over(store, keys))  # until then the first one may have to train again
    return _say(report, keys, f"{node}: trained with the others")


def _say(report: Report, keys: RunKeys, outcome: str) -> str:
    report.line(f"{keys.bot}: {outcome}")
    return outcome


def _over(store: Store, keys: RunKeys) -> bool:
    """Whether the model is trained, or the first node ended well without: the bot is as it should be."""
    if store.exists(keys.stage("train")):
        return True
    attempts = read_json(store, keys.attempts).get("attempts", [])
    return bool(attempts) and attempts[-1].get("exit_code") == 0


class _Generation:
    """The attempt at the run that is under way when something is first written: the one that this node met."""

    def __init__(self, store: Store, keys: RunKeys) -> None:
        self.store, self.key = store, keys.lease
        self.holder: object = None

    def check(self) -> None:
        """Raise LeaseLostError where another attempt has begun since."""
        self.holder = self.holder or self._holder()
        if self._holder() != self.holder:
            raise LeaseLostError(f"{self.store.place(self.key)}: another attempt has begun; this node leaves it alone")

    def _holder(self) -> object:
        found = self.store.read(self.key)
        return State.parse(found.data).holder if found else None


def _wait(store: Store, keys: RunKeys, patience: float, there: Callable[[], bool]) -> None:
    """Until something is there; raises TryLaterError once the run's lease was not renewed for `patience` seconds."""
    began = since = time.monotonic()
    seen = store.version(keys.lease)
    while not there():
        leave_if_told()
        now = store.version(keys.lease)
        if now != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > patience:
            raise TryLaterError(
                f"the first node has not been heard of for {patience:g} s ({store.place(keys.lease)}); "
                "this one ends, to come back with it (limits.meeting_seconds)"
            )
        time.sleep(min(LOOK_S, patience / 10, 0.2 + (time.monotonic() - began) / 4))
