"""Waiting for a source that answers another time: growing waits within bounds, by its own clock, told as they go."""

import email.utils
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from pipeline.errors import TryLaterError

INSTEAD = "leave it out, or give its posts as a file (source: jsonl)"
KEPT = "what was fetched is kept, and the same command goes on there"

T = TypeVar("T")


class Answer(NamedTuple):
    """A response; the names of its headers are in lower case, or compare as if they were."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        """What the body says as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class NotNowError(Exception):
    """What another time may be better; `wait` is how long the source asks to be left alone, None if unsaid."""

    def __init__(self, text: str, *, limited: bool = False, wait: float | None = None) -> None:
        super().__init__(text)
        self.limited, self.wait = limited, wait


class Bounds(NamedTuple):
    """Seconds that limits and faults are waited for in all, and for the first time where the source names none."""

    limit: float
    fault: float
    first_limit: float
    first_fault: float = 1.0


def persist(
    question: Callable[[], T], who: str, bounds: Bounds, say: Callable[[str], None], sleep: Callable[[float], None]
) -> T:
    """The first answer for which nothing raises NotNowError; TryLaterError where that would take too long.

    `who` begins each line: the account and, where there are several, the server.
    """
    waited, tries = 0.0, 0
    while True:
        try:
            return question()
        except NotNowError as why:
            wait = _wait(why, tries, bounds)
            if waited + wait > (bounds.limit if why.limited else bounds.fault):
                raise TryLaterError(_too_long(why, f"{who} {why}", wait)) from why
            say(f"{who} {why}; asking again in {wait:,.0f} s")
            sleep(wait)
            waited, tries = waited + wait, tries + 1


def clock(headers: Mapping[str, str]) -> float:
    """Seconds since 1970 by the source's own clock where it tells: this machine's may be wrong."""
    return moment(headers.get("date", "")) or time.time()


def moment(text: str) -> float | None:
    """A time of HTTP's as seconds since 1970; None where it is none."""
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def line(text: Any) -> str:
    """A stranger's text on one line, without what could steer a terminal."""
    return "".join(letter for letter in " ".join(str(text).split()) if letter.isprintable())[:200]


def _wait(why: NotNowError, tries: int, bounds: Bounds) -> float:
    """Every wait is longer than the one before, since an end that a source names may be past."""
    first = bounds.first_limit if why.limited and why.wait is None else bounds.first_fault
    return max(why.wait or 0.0, first * 2.0**tries)


def _too_long(why: NotNowError, text: str, wait: float) -> str:
    if why.wait is not None:
        until = time.strftime("%H:%M UTC", time.gmtime(time.time() + min(wait, 1e9)))
        return f"{text} until {until}, longer than is waited for; {KEPT}"
    return f"{text}, for too long; {KEPT}"
