"""Deletes what the rule names, so that a kill half-way leaves nothing that is believed and the next gc goes on.

A run is taken by its lease first, as one who makes it would, so that nobody takes it up meanwhile. Then go its stage
markers, which alone make anything of it count, then all else, its config, and last the lease: while that is
there and says `deleting`, the run is on its way out.
"""

import json
import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from htctl import published, runs
from pipeline import layout
from pipeline.layout import RunKeys
from pipeline.store import ABSENT, Store

HOLD_S = 300  # for so long nobody else takes a run whose gc was killed
RENEW_S = 60
CHUNK = 100  # keys between two looks at the lease
TAKEN = "somebody works on it now"


class _Hold:
    """A run's lease in the hand of this process."""

    def __init__(self, store: Store, keys: RunKeys) -> None:
        self.store, self.key = store, keys.lease
        self.mine, self.at = b"", 0.0

    def take(self) -> bool:
        """Take the lease unless somebody has it; False where somebody has."""
        found = self.store.read(self.key)
        lost = self.mine and (found is None or found.data != self.mine)
        if lost or (not self.mine and runs.in_use(runs.lease_in(found), _now())):
            return False
        lease: dict[str, Any] = {"released": False, runs.DELETING: True, "id": secrets.token_hex(8), "seconds": HOLD_S}
        data = json.dumps({**lease, "renewed": _now().isoformat(timespec="seconds")}).encode()
        if not self.store.swap(self.key, data, found.version if found else ABSENT):
            return False
        self.mine, self.at = data, time.time()  # not the monotonic clock: a machine's sleep counts too
        return True

    def keep(self) -> bool:
        """Whether the lease is still ours, renewed where it is time."""
        return time.time() - self.at < RENEW_S or self.take()

    def drop(self) -> None:
        """Forget the lease, if it is ours."""
        found = self.store.read(self.key)
        if found and found.data == self.mine:
            self.store.delete(self.key)


def remove_run(store: Store, keys: RunKeys) -> str:
    """Delete a run, all of it; returns why not, or nothing where it is gone."""
    hold = _Hold(store, keys)
    if not hold.take():
        return TAKEN
    if published.pointer(store, keys.bot).get("run") == keys.run:
        hold.drop()
        return "it is the bot's current run now"
    found = [entry.key for entry in store.list(f"{keys.base}/")]
    markers = [key for key in found if layout.place(key).rest.startswith("stages/")]
    last = [keys.config, keys.lease]
    for part in (markers, [key for key in found if key not in {*markers, *last}], [keys.config]):
        if not _delete(store, part, hold):
            return TAKEN
    hold.drop()
    return ""


def remove_checkpoints(store: Store, keys: RunKeys) -> str:
    """Delete a published run's checkpoints; returns why not, or nothing where they are gone."""
    if runs.in_use(runs.lease_in(store.read(keys.lease)), _now()):
        return TAKEN
    prefix = keys.checkpoint("")
    found = [entry.key for entry in store.list(prefix)]
    markers = [key for key in found if "/" not in key.removeprefix(prefix)]
    _delete(store, markers)
    _delete(store, [key for key in found if key not in markers])
    return ""


def remove_posts(store: Store, sha256: str) -> str:
    """Delete a posts file; its index goes first: there means complete. Returns nothing, as the others when done."""
    store.delete(layout.posts_file(sha256, "index.json"))
    _delete(store, [entry.key for entry in store.list(layout.posts_file(sha256, ""))])
    return ""


def _delete(store: Store, keys: Sequence[str], hold: _Hold | None = None) -> bool:
    """Delete keys, some at once; False where the lease was lost in between."""
    with ThreadPoolExecutor(runs.AT_ONCE) as pool:
        for start in range(0, len(keys), CHUNK):
            if hold and not hold.keep():
                return False
            list(pool.map(store.delete, keys[start : start + CHUNK]))
    return True


def _now() -> datetime:
    return datetime.now(UTC)
