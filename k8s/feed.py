"""Follows a batch until its Jobs have ended, and sends those that wait as others end: never too many at once."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from k8s.cluster import Change, Cluster
from k8s.errors import ClusterError, ForbiddenError, GoneError, NotThereError, UnauthorizedError
from k8s.manifests import Manifest
from k8s.outcome import GONE, ended

PAUSE_S = 1.0  # before a cluster whose watch broke is asked anew
Send = Callable[[Sequence[Manifest]], Iterable[str]]  # sends some; returns the names of those that are there now
Told = Callable[[Change], None]


class Feed:
    """The Jobs of one batch: those that wait to be sent, those that go on, and how the others ended.

    One list and one watch by the batch's label, however many there are; a watch that ends goes on from its last
    version, and one whose version the cluster has forgotten begins with a new list.
    """

    def __init__(self, cluster: Cluster, labels: str, names: Iterable[str], waiting: Sequence[Manifest]) -> None:
        self.ended: dict[str, str] = {}  # by name, of the wanted: complete, failed or gone
        self._cluster, self._labels = cluster, labels
        self._waiting = deque(waiting)
        self._wanted, self._going = set(names), set[str]()
        self._seen = self._wanted - {job["metadata"]["name"] for job in waiting}  # what the cluster has had

    def follow(self, most: int, send: Send, told: Told = lambda _: None) -> dict[str, str]:
        """Until every wanted Job has ended; at most `most` of the batch (0: any number) are unfinished at once."""
        while True:
            version = self._relist(told)
            self._fill(most, send)
            try:
                while not self._done():
                    version = self._watch(version, most, send, told)
                return self.ended
            except GoneError:
                continue
            except (UnauthorizedError, ForbiddenError, NotThereError):
                raise
            except ClusterError:  # the list is patient with a cluster that is away
                time.sleep(PAUSE_S)

    def _done(self) -> bool:
        return not self._waiting and self._wanted <= self.ended.keys()

    def _relist(self, told: Told) -> str:
        listed = self._cluster.list("Job", self._labels)
        there = {job["metadata"]["name"] for job in listed.items}
        self._going &= there
        for job in listed.items:
            self._see(Change("MODIFIED", job), told)
        for name in (self._seen & self._wanted) - there - self.ended.keys():
            self.ended[name] = GONE
        return listed.version

    def _watch(self, version: str, most: int, send: Send, told: Told) -> str:
        """One watch; returns the version that it came to."""
        for change in self._cluster.watch("Job", version, self._labels):
            version = change.object["metadata"]["resourceVersion"]
            self._see(change, told)
            self._fill(most, send)
            if self._done():
                break
        return version

    def _see(self, change: Change, told: Told) -> None:
        name, outcome = change.object["metadata"]["name"], ended(change.object)
        self._seen.add(name)
        if change.what == "DELETED" or outcome:
            self._going.discard(name)
            if name in self._wanted:
                self.ended.setdefault(name, outcome or GONE)
        else:
            self._going.add(name)
            self.ended.pop(name, None)  # somebody made it anew
        told(change)

    def _fill(self, most: int, send: Send) -> None:
        """Send as many of those that wait as there is room for."""
        while self._waiting and (not most or len(self._going) < most):
            room = most - len(self._going) if most else len(self._waiting)
            some = [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]
            there = set(send(some))
            self._going |= there - self.ended.keys()
            self._seen |= there
            self._wanted -= {job["metadata"]["name"] for job in some} - there  # refused: told by who sent it
