"""Follows a batch: a screen that is drawn anew on a terminal, lines of changes in a pipe; ends what cannot start."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from htctl import output, statusview
from htctl.overview import Overview
from k8s import removal
from k8s.errors import ClusterError
from k8s.feed import Feed
from k8s.mirror import Mirror
from k8s.states import WELL, GroupState
from k8s.watch import Watch
from pipeline.errors import ConfigError

REFRESH_S = 10.0  # how often the store is asked how far the runs are

Show = Callable[[Sequence[GroupState]], None]  # is given what changed


@dataclass(frozen=True)
class Patience:
    """How long a Pod may hold what it cannot use before it is named, and whether its Job is then deleted; 0: no end."""

    seconds: float = 0
    delete: bool = False


def follow(found: Overview, patience: Patience, *, to_the_end: bool, feed: Feed | None = None) -> int:
    """Show what changes, until Ctrl-C or, with `to_the_end`, nothing more can; the exit code: 1 where one failed.

    What `feed` has is sent meanwhile.
    """
    if found.cluster is None:
        raise ConfigError("there is no cluster to follow; htctl status shows what the store has")
    watch = Watch(found.cluster, found.batch.name, output.note)
    refreshed, late = time.monotonic(), _Late(found, watch.mirror, patience)
    with _screen(found) as show:
        show([])
        try:
            for changed in watch.changes():
                told = _fed(found, watch.mirror, changed, feed) if feed else []
                told += found.board.update(watch.mirror, changed) if changed else []
                if time.monotonic() - refreshed > REFRESH_S:
                    refreshed = time.monotonic()
                    told += found.board.refresh(watch.mirror)
                show([*told, *late.told()])
                if to_the_end and all(state.over for state in found.states()):
                    break
        finally:
            watch.stop()
    return conclude(found)


def _fed(found: Overview, mirror: Mirror, changed: set[str], feed: Feed) -> list[GroupState]:
    """Send what there is room for; adds to what changed, and returns the groups that were refused."""
    changed |= feed.fill(mirror, changed)
    told = [found.board.fail(name, "", f"refused: {why}") for name, why in feed.refused.items()]
    changed -= feed.refused.keys()
    feed.refused.clear()
    return told


def conclude(found: Overview) -> int:
    """The last word on a batch: totals, and what did not go well by name."""
    states = statusview.in_order(found.states())
    output.line(statusview.totals(found.name, states, time.time()))
    bad = [state for state in states if state.over and state.phase not in WELL]
    for state in bad[:20]:
        output.line(f"{statusview.called(state, not found.batch.name)}: {state.phase}: {state.detail}")
    if len(bad) > 20:
        output.line(f"... and {len(bad) - 20:,} more: htctl status --state failed")
    return int(bool(bad))


class _Late:
    """Names those who cannot start once their time is up, and ends their Jobs where that is wanted."""

    def __init__(self, found: Overview, mirror: Mirror, patience: Patience) -> None:
        self._mirror = mirror
        self._found, self._patience, self._named = found, patience, set[str]()

    def told(self) -> list[GroupState]:
        """The groups whose Jobs were deleted for it just now."""
        ended, now = [], time.time()
        for name, state in list(self._found.board.states.items()):
            since = state.stuck_since
            if not self._patience.seconds or since is None or now - since < self._patience.seconds:
                self._named.discard(name)
            elif self._patience.delete:
                ended += self._end(name, state, f"cannot start since {statusview.duration(now - since)}")
            elif name not in self._named:
                self._named.add(name)
                output.note(f"{state.group.bot} cannot start since {statusview.duration(now - since)}: {state.detail}")
        return ended

    def _end(self, name: str, state: GroupState, since: str) -> list[GroupState]:
        """Delete the very Job that was seen, so that it holds nothing."""
        cluster, job = self._found.cluster, self._mirror.jobs.get(name)
        if cluster is None or job is None:
            return []
        try:
            removal.delete(cluster, job)
        except ClusterError as error:
            output.note(f"{state.group.bot}: {error}")
            return []
        return [
            self._found.board.fail(name, job["metadata"]["uid"], f"{since}, so its Job was deleted: {state.detail}")
        ]


@contextlib.contextmanager
def _screen(found: Overview) -> Iterator[Show]:
    """Shows states while the block lasts."""
    if not output.is_terminal():
        output.note(statusview.totals(found.name, found.states(), time.time()))

        def lines(told: Sequence[GroupState]) -> None:
            for state in told:
                output.line(statusview.change(state, time.time(), not found.batch.name))

        yield lines
        return
    with output.redrawn() as draw:

        def redraw(told: Sequence[GroupState]) -> None:  # noqa: ARG001 - all of it is drawn
            now, states = time.time(), found.states()
            shown = statusview.choose(states, output.height())
            columns, rows = statusview.narrow([statusview.row(state, now) for state in shown.rows])
            if not found.batch.name:
                columns, rows = statusview.by_batch(columns, rows, shown.rows)
            draw(statusview.totals(found.name, states, now), columns, rows, shown.hidden)

        yield redraw
