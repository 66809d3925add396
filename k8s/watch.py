"""Follows what a cluster has of a batch: lists, watches, and lists anew when a watch drops or its version is gone."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from k8s import look
from k8s.cluster import Cluster
from k8s.errors import ClusterError, ForbiddenError, GoneError, NotThereError, UnauthorizedError
from k8s.manifests import Manifest
from k8s.mirror import KINDS, OPTIONAL, Mirror

TICK_S = 5.0  # how often the caller gets a turn where nothing changes
ASK_MORE_S = 30.0  # between looks at places in queues
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
GATHER_S = 0.2  # changes that come together are told together
FINAL = (UnauthorizedError, ForbiddenError, NotThereError)


class Heard(NamedTuple):
    """Of a kind, all that a list has (LISTED), or one object and what a watch told of it."""

    kind: str
    what: str
    items: list[Manifest]
    asked: float = 0.0  # when the list was asked for


class Watch:
    """The mirror of a batch, and a thread for each kind that keeps it so; `stop` ends them."""

    def __init__(self, cluster: Cluster, batch: str, say: Callable[[str], None], tick: float = TICK_S) -> None:
        self.mirror = Mirror()
        self._cluster, self._batch, self._say, self._tick = cluster, batch, say, tick
        self._heard: queue.SimpleQueue[Heard | ClusterError] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._asked = 0.0

    def changes(self) -> Iterator[set[str]]:
        """The names of the Jobs that changed, first those of the first lists; empty at each tick without a change."""
        for kind in KINDS:
            threading.Thread(target=self._keep, args=(kind,), daemon=True).start()
        missing = set(KINDS)
        changed: set[str] = set()
        while not self._stopped.is_set():
            for heard in self._gathered():
                if isinstance(heard, ClusterError):
                    raise heard
                if heard.what == "LISTED":
                    missing.discard(heard.kind)
                    changed |= self.mirror.replace(heard.kind, heard.items, heard.asked)
                else:
                    changed |= self.mirror.apply(heard.kind, heard.what, heard.items[0])
            if missing:
                continue
            if time.monotonic() - self._asked > ASK_MORE_S:
                self._asked = time.monotonic()
                look.ask_more(self._cluster, self.mirror)
            yield changed
            changed = set()

    def stop(self) -> None:
        """No more is asked of the cluster, but for the answers that are under way."""
        self._stopped.set()

    def _gathered(self) -> list[Heard | ClusterError]:
        """What was heard: at once where there is something, after a tick nothing."""
        try:
            found = [self._heard.get(timeout=self._tick)]
        except queue.Empty:
            return []
        until = time.monotonic() + GATHER_S
        while (left := until - time.monotonic()) > 0:
            try:
                found.append(self._heard.get(timeout=left))
            except queue.Empty:
                break
        return found

    def _keep(self, kind: str) -> None:
        """The thread of a kind: list and watch, again and again; who is refused for good ends."""
        pause = FIRST_PAUSE_S
        while not self._stopped.is_set():
            started = time.monotonic()
            try:
                self._once(kind)
            except FINAL as error:
                self._heard.put(Heard(kind, "LISTED", []) if kind == OPTIONAL else error)
                return
            except GoneError:
                pass  # an old version: what a list is for
            except ClusterError as error:
                if kind != OPTIONAL:
                    self._say(f"{error}; asked again")
            pause = FIRST_PAUSE_S if time.monotonic() - started > LONGEST_PAUSE_S else min(2 * pause, LONGEST_PAUSE_S)
            self._stopped.wait(pause)

    def _once(self, kind: str) -> None:
        """One list, and the watch from there until it ends for whatever reason."""
        labels, asked = look.labels(kind, self._batch), time.monotonic()
        listed = self._cluster.list(kind, labels)
        self._heard.put(Heard(kind, "LISTED", listed.items, asked))
        for change in self._cluster.watch(kind, listed.version, labels):
            if self._stopped.is_set():
                return
            if change.what != "BOOKMARK":
                self._heard.put(Heard(kind, change.what, [change.object]))
