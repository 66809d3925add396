"""Deletes what the rule names, so that a kill half-way leaves nothing that is believed and the next gc goes on.

A run is taken by its lease first, as one who makes it would, so that nobody takes it up meanwhile. Then go its stage
markers, which alone make anything of it count, then all else, its config, and last the lease: while that is
there and says so, the run is on its way out.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from htctl import runs
from pipeline import layout, lease, published
from pipeline.errors import LeaseLostError
from pipeline.layout import RunKeys
from pipeline.store import Store

HOLD_S = 60  # for so long nobody else takes a run whose gc was killed
CHUNK = 100  # keys between two looks at the lease
TAKEN = "somebody works on it now"


def remove_run(store: Store, keys: RunKeys) -> str:
    """Delete a run, all of it; returns why not, or nothing where it is gone."""
    found = store.read(keys.lease)
    mine = None if runs.in_use(found) else lease.seize(store, keys.lease, HOLD_S, found)
    if not mine:
        return TAKEN
    if published.pointer(store, keys.bot).get("run") == keys.run:
        mine.renew({}, released=True)
        return "it is the bot's current run now"
    inside = [entry.key for entry in store.list(f"{keys.base}/")]
    markers = [key for key in inside if layout.place(key).rest.startswith("stages/")]
    last = [keys.config, keys.lease]
    try:
        mine.renew(runs.DELETING)
        for part in (markers, [key for key in inside if key not in {*markers, *last}], [keys.config]):
            _delete(store, part, lambda: mine.renew(runs.DELETING))
    except LeaseLostError:
        return TAKEN
    store.delete(keys.lease)
    return ""


def remove_checkpoints(store: Store, keys: RunKeys) -> str:
    """Delete a published run's checkpoints; returns why not, or nothing where they are gone."""
    if runs.in_use(store.read(keys.lease)):
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


def _delete(store: Store, keys: Sequence[str], before: Callable[[], None] = lambda: None) -> None:
    """Delete keys, some at once, `before` each handful."""
    with ThreadPoolExecutor(runs.AT_ONCE) as pool:
        for start in range(0, len(keys), CHUNK):
            before()
            list(pool.map(store.delete, keys[start : start + CHUNK]))
