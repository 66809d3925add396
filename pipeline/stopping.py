"""Ctrl-C and SIGTERM: at once where nothing is lost by it, after the step that is under way while training."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

from pipeline.errors import TryLaterError


def terminated(signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - a signal handler's arguments
    """SIGTERM's handler outside training: end, and have the Job try again."""
    raise TryLaterError("stopped on SIGTERM; what was finished is kept")


class Stop:
    """Whether somebody asked to stop, and how to do so once all is saved."""

    def __init__(self) -> None:
        self.asked: int | None = None

    def leave_if_asked(self, saved: str) -> None:
        """Raise what was asked for: KeyboardInterrupt for Ctrl-C, TryLaterError for SIGTERM."""
        if self.asked == signal.SIGTERM:
            raise TryLaterError(f"stopped on SIGTERM, {saved}")
        if self.asked == signal.SIGINT:
            raise KeyboardInterrupt


@contextlib.contextmanager
def deferred() -> Iterator[Stop]:
    """A block in which the first Ctrl-C or SIGTERM is only noted; a second Ctrl-C ends at once."""
    stop = Stop()

    def note(signum: int, _: FrameType | None) -> None:
        if stop.asked == signum == signal.SIGINT:
            raise KeyboardInterrupt
        stop.asked = signum

    before: dict[int, Any] = {signum: signal.signal(signum, note) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
