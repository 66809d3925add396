"""Ctrl-C and SIGTERM: at once where nothing is lost by it, after the step that is under way while training."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

from pipeline.errors import StoppedError

_told: list[int] = []  # the signals that `heard` heard


def listen() -> None:
    """Hear SIGTERM, and Ctrl-C unless whoever started this process has it ignored."""
    signal.signal(signal.SIGTERM, heard)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, heard)


def heard(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's arguments
    """The handler outside training: end at once; after SIGTERM the Job tries again."""
    _told.append(signum)
    leave_if_told()


def leave_if_told() -> None:
    """Raise what `heard` raised, where that was lost: Python drops it in callbacks, such as an import's lock's."""
    if signal.SIGTERM in _told:
        raise StoppedError("stopped on SIGTERM; what was finished is kept")
    if _told:
        raise KeyboardInterrupt


class Stop:
    """Whether somebody asked to stop, and how to do so once all is saved."""

    def __init__(self) -> None:
        self.asked: int | None = _told[0] if _told else None

    def leave_if_asked(self, saved: str) -> None:
        """Raise what was asked for: KeyboardInterrupt for Ctrl-C, StoppedError for SIGTERM."""
        if self.asked == signal.SIGTERM:
            raise StoppedError(f"stopped on SIGTERM, {saved}")
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
