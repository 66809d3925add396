"""A question put to a server: its limits honoured, faults waited for within bounds, told apart from answers."""

import datetime
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from pipeline.errors import HtctlError, TryLaterError
from pipeline.sources.waiting import Answer, Bounds, NotNowError, clock, line, moment, persist

LIMIT_S = 6 * 60.0  # both count in spans of 5 minutes; for longer no Pod should hold a GPU
FAULT_S = 60.0
BOUNDS = Bounds(LIMIT_S, FAULT_S, first_limit=15.0)
TIMEOUT_S = 30.0  # to connect, and between two pieces of an answer


class Seen(threading.local):
    """What came over the wire in this thread, however a library reads it."""

    def __init__(self) -> None:
        self.answer: Answer | None = None

    def of(self, question: Callable[[], object]) -> Answer:
        """The answer to a question that is put through a library; NotNowError where none came whole."""
        self.answer, failed = None, None
        try:
            question()
        except Exception as error:  # what a library makes of an answer is its own affair
            failed = error
        for cause in _causes(failed):
            if isinstance(cause, HtctlError):  # SIGTERM came while it waited
                raise cause
        return _whole(self.answer, failed)


class Asking:
    """Puts questions, and knows which server wants to be left alone for how long."""

    def __init__(self, say: Callable[[str], None], sleep: Callable[[float], None]) -> None:
        self._say, self._sleep = say, sleep
        self._free: dict[str, float] = {}

    def ask(self, who: str, server: str, fits: Callable[[Any], bool], question: Callable[[], Answer]) -> Answer:
        """The first answer that is neither a fault nor a limit: JSON that fits, or a refusal (400 to 499).

        What another time may be better is waited for, then TryLaterError.
        """

        def once() -> Answer:
            self._spare(server)
            answer = question()
            self._note(server, answer)
            _check(answer, fits)
            return answer

        try:
            return persist(once, f"{who}: {server}", BOUNDS, self._say, self._sleep)
        except TryLaterError as error:
            if isinstance(error.__cause__, NotNowError):
                self._leave(server, error.__cause__)
            raise

    def _spare(self, server: str) -> None:
        """Do not ask a server that has said that the next question would be one too many."""
        ahead = self._free.pop(server, 0.0) - time.monotonic()
        if ahead > 0:
            raise NotNowError("takes no more questions just now", limited=True, wait=ahead)

    def _note(self, server: str, answer: Answer) -> None:
        left = _header(answer, "ratelimit-remaining")
        if left == "0" and answer.status != 429:
            self._leave(server, NotNowError("", limited=True, wait=_asked_wait(answer)))

    def _leave(self, server: str, why: NotNowError) -> None:
        if why.limited and why.wait:
            self._free[server] = time.monotonic() + why.wait


def _whole(answer: Answer | None, failed: Exception | None) -> Answer:
    if answer is None or 300 <= answer.status < 400:
        raise NotNowError(f"gives no whole answer ({_why(failed)})")
    return answer


def _check(answer: Answer, fits: Callable[[Any], bool]) -> None:
    if answer.status == 429:
        raise NotNowError("takes no more questions just now (429)", limited=True, wait=_asked_wait(answer))
    if answer.status >= 500 or answer.status in (408, 425):
        raise NotNowError(f"answers {answer.status}", wait=_asked_wait(answer))
    if answer.status < 300 and not fits(answer.value):
        begin = line(answer.body[:200].decode("utf-8", "replace"))[:60] or "nothing"
        raise NotNowError(f"answers with what is not asked for ({begin})")


def _asked_wait(answer: Answer) -> float | None:
    """How long a server asks to be left alone, by its own clock; None where it does not say."""
    now = clock(answer.headers)
    after = answer.headers.get("retry-after", "")
    if after.isascii() and after.isdigit():
        return float(after)
    end = moment(after) or _reset(_header(answer, "ratelimit-reset"), now)
    return None if end is None else max(end - now, 0.0) + 1.0  # such times have no fractions


def _header(answer: Answer, name: str) -> str:
    return answer.headers.get(name) or answer.headers.get(f"x-{name}", "")


def _reset(text: str, now: float) -> float | None:
    """When a span ends: in seconds from now, as Unix time, or as ISO 8601."""
    if text.isascii() and text.isdigit() and len(text) < 12:
        return float(text) if len(text) > 8 else now + float(text)
    try:
        found = datetime.datetime.fromisoformat(text)
        return found.replace(tzinfo=found.tzinfo or datetime.UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def _causes(error: BaseException | None) -> list[BaseException]:
    """An error and those behind it, the first one last."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _why(error: BaseException | None) -> str:
    causes = _causes(error)
    if any("Timeout" in type(cause).__name__ for cause in causes):
        return "none came in time"
    if isinstance(causes[-1] if causes else None, socket.gaierror):
        return f"{line(causes[-1])}; is its name right, and this machine online?"
    return line(causes[-1] if causes else "none came") or type(causes[-1]).__name__
