"""What the tests of sources share: a clock that does not wait, a timeline to its end, what an answer comes to."""

from typing import Any, NamedTuple

import pytest

from pipeline.errors import HtctlError
from pipeline.posts import Post
from pipeline.sources.network import Source
from tests.socialserver import CUT, HTML, SILENT, Answer


class Clock:
    """Sleeps that take no time, and what was said."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.said: list[str] = []


class Fault(NamedTuple):
    """What any server may answer for good, the exit code that it comes to, and what is said."""

    answer: Answer
    code: int
    says: str


FAULTS = {
    "500": Fault(Answer(500, {"error": "InternalServerError"}), 75, "answers 500, for too long; what was fetched"),
    "502 html": Fault(Answer(502, HTML), 75, "answers 502, for too long"),
    "503": Fault(Answer(503, {"error": "There was a temporary problem"}), 75, "answers 503, for too long"),
    "html": Fault(Answer(200, HTML), 75, "answers with what is not asked for (<!DOCTYPE html><html>"),
    "another kind": Fault(Answer(200, "text"), 75, 'answers with what is not asked for ("text")'),
    "empty": Fault(Answer(200, b""), 75, "answers with what is not asked for (nothing)"),
    "half a JSON": Fault(Answer(200, b'{"feed": ['), 75, "answers with what is not asked for"),
    "deep": Fault(Answer(200, b"[" * 100_000), 75, "answers with what is not asked for"),
    "cut": Fault(Answer(CUT, b"["), 75, "gives no whole answer ("),
    "stalled": Fault(Answer(SILENT), 75, "gives no whole answer (none came in time), for too long"),
    "429": Fault(Answer(429, {"error": "Too many requests"}), 75, "more questions just now (429), for too long"),
    "redirect": Fault(Answer(302, b"", {"Location": "/again"}), 75, "gives no whole answer ("),
}


def timeline(source: Source, handle: str, newer_than: str = "") -> list[Post]:
    """Every post, page by page."""
    profile = source.read_profile(source.look_up(handle))
    found: list[Post] = []
    cursor = ""
    while True:
        page = source.read_page(source.page(profile, cursor, newer_than))
        found += page.posts
        if not page.cursor:
            return found
        assert page.cursor != cursor
        cursor = page.cursor


def refused(question: Any, *arguments: Any) -> HtctlError:
    """The error that a question ends with: one line."""
    with pytest.raises(HtctlError) as caught:
        question(*arguments)
    assert "\n" not in str(caught.value)
    return caught.value
