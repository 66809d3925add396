"""Sends what waits of a batch as others end, so that never too many of its Jobs are unfinished at once."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence, Set

from k8s.manifests import Manifest
from k8s.mirror import Mirror
from k8s.outcome import ended

Send = Callable[[Sequence[Manifest]], Mapping[str, str]]  # sends some; returns those that are refused, and why


class Feed:
    """The Jobs of a batch that are not sent yet; `most` (0: any number) of it may be unfinished at once."""

    def __init__(self, waiting: Sequence[Manifest], most: int, send: Send) -> None:
        self.refused: dict[str, str] = {}  # by the Job's name: why
        self._waiting, self._most, self._send = deque(waiting), most, send
        self._sent: dict[str, float] = {}  # when, of those that the mirror has not shown yet

    @property
    def held(self) -> set[str]:
        """The names of those whose absence from the cluster says nothing: not sent yet, or just now."""
        return {job["metadata"]["name"] for job in self._waiting} | self._sent.keys()

    def fill(self, mirror: Mirror, changed: Set[str] = frozenset()) -> set[str]:
        """Send as many as there is room for; `changed` are Jobs that the mirror told of. Returns who is not held
        any more, or refused: their states are others now."""
        before = self.held
        self._note(mirror, changed)
        while self._waiting and (room := self._room(mirror)) > 0:
            some = [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]
            refused = self._send(some)
            self.refused |= refused
            now = time.monotonic()
            self._sent |= {job["metadata"]["name"]: now for job in some if job["metadata"]["name"] not in refused}
        mirror.unsent = self.held
        return before - mirror.unsent

    def _note(self, mirror: Mirror, changed: Set[str]) -> None:
        """Forget those that were seen since; a list that was asked for after one was sent has it, or it is gone."""
        self._sent = {
            name: at
            for name, at in self._sent.items()
            if name not in mirror.jobs and name not in changed and at > mirror.jobs_asked
        }

    def _room(self, mirror: Mirror) -> int:
        if not self._most:
            return len(self._waiting)
        unfinished = sum(not ended(job) for job in mirror.jobs.values())
        return self._most - unfinished - len(self._sent)
