import socket
import threading
import time
from typing import Any

import pytest

from pipeline.errors import TryLaterError
from pipeline.sources.asking import FAULT_S, LIMIT_S, Asking, Seen
from pipeline.sources.waiting import Answer, NotNowError
from tests.pipeline.sources.asked import Clock, refused

NOW = "Thu, 01 Jan 2026 00:00:00 GMT"
GOOD = Answer(200, {}, b"{}")


def asked(clock: Clock, *answers: Answer) -> Answer:
    """What comes of a question that is answered so, the last answer again and again."""
    left = list(answers)
    asking = Asking(clock.said.append, clock.slept.append)
    return asking.ask("@a", "Home", lambda value: isinstance(value, dict), lambda: left.pop(0) if left[1:] else left[0])


def limit(**headers: str) -> Answer:
    return Answer(429, {"date": NOW, **{name.replace("_", "-"): value for name, value in headers.items()}}, b"")


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (limit(retry_after="30"), 30),
        (limit(retry_after="Thu, 01 Jan 2026 00:01:00 GMT"), 61),
        (limit(ratelimit_reset="1767225660"), 61),
        (limit(ratelimit_reset="60"), 61),
        (limit(x_ratelimit_reset="2026-01-01T00:01:00.000000Z"), 61),
        (limit(x_ratelimit_reset="2026-01-01T00:01:00"), 61),
        (limit(x_ratelimit_reset="2025-12-31T00:00:00Z"), 1),
        (limit(ratelimit_reset="soon"), 15),
        (limit(ratelimit_reset="9" * 30), 15),
        (limit(), 15),
        (Answer(503, {"retry-after": "20"}, b""), 20),
        (Answer(503, {}, b""), 1),
    ],
)
def test_a_server_is_left_alone_for_as_long_as_it_asks_by_its_own_clock(answer: Answer, wait: float) -> None:
    clock = Clock()
    assert asked(clock, answer, GOOD) is GOOD
    assert clock.slept == [pytest.approx(wait)]
    assert clock.said[0].startswith("@a: Home ")
    assert clock.said[0].endswith(f"; asking again in {wait} s")


def test_waits_grow_and_have_a_bound() -> None:
    for answer, bound in ((Answer(500, {}, b""), FAULT_S), (limit(), LIMIT_S), (limit(x_ratelimit_reset="0"), LIMIT_S)):
        clock = Clock()
        assert isinstance(refused(asked, clock, answer), TryLaterError)
        assert bound / 4 < sum(clock.slept) <= bound
        assert clock.slept == sorted(set(clock.slept))


def test_an_end_beyond_the_bound_is_told_and_not_waited_for() -> None:
    clock = Clock()
    error = refused(asked, clock, limit(retry_after="3600"))
    until = time.strftime("%H:%M UTC", time.gmtime(time.time() + 3600))
    assert f"(429) until {until}, longer than is waited for; what was fetched is kept" in str(error)
    assert clock.slept == []


def test_who_is_to_come_back_in_an_hour_does_not_ask_for_another_account_either() -> None:
    count: list[int] = []

    def question() -> Answer:
        count.append(1)
        return limit(retry_after="3600")

    asking = Asking(lambda _: None, lambda _: None)
    for who in ("@a", "@b", "@c"):
        assert "longer than is waited for" in str(refused(asking.ask, who, "Home", lambda _: True, question))
    assert len(count) == 1


def test_a_refusal_is_an_answer() -> None:
    assert asked(Clock(), Answer(404, {}, b"nothing")).status == 404


def test_a_server_that_has_no_questions_left_is_not_asked_before_its_time() -> None:
    clock, asking, count = Clock(), Asking(lambda _: None, lambda _: None), []

    def question(left: str, server: str = "Home") -> None:
        headers = {"date": NOW, "x-ratelimit-remaining": left, "x-ratelimit-reset": "100"}
        asking._sleep, asking._say = clock.slept.append, clock.said.append
        asking.ask("@a", server, lambda _: True, lambda: count.append(1) or Answer(200, headers, b"{}"))

    question("1")
    question("0")
    question("1", "Away")
    assert clock.slept == []
    question("0")
    assert clock.slept == [pytest.approx(101, abs=1)]
    assert "takes no more questions just now; asking again" in clock.said[0]
    assert len(count) == 4


def test_what_was_seen_counts_whatever_a_library_makes_of_it() -> None:
    seen = Seen()

    def question() -> None:
        seen.answer = GOOD
        raise ValueError("what is this?")

    assert seen.of(question) is GOOD


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ConnectionRefusedError(111, "Connection refused"), r"\(\[Errno 111\] Connection refused\)"),
        (TimeoutError("timed out"), r"\(none came in time\)"),
        (OSError(), r"\(OSError\)"),
        (
            socket.gaierror(-2, "Name or service not known"),
            r"\(\[Errno -2\] Name or service not known; is its name.*",
        ),
        (ValueError("a\nb\x1b[31m"), r"\(a b\[31m\)"),
    ],
)
def test_the_first_cause_says_why_nothing_came(error: Exception, says: str) -> None:
    def question() -> None:
        try:
            raise error
        except Exception as cause:
            raise RuntimeError("wrapped") from cause

    with pytest.raises(NotNowError, match=f"^gives no whole answer {says}$"):
        Seen().of(question)


def test_threads_do_not_get_each_other_s_answers() -> None:
    seen, both = Seen(), threading.Barrier(2, timeout=10)
    found: dict[int, Answer] = {}

    def look(status: int) -> None:
        def question() -> None:
            seen.answer = Answer(status, {}, b"")
            both.wait()

        found[status] = seen.of(question)

    threads = [threading.Thread(target=look, args=(status,)) for status in (200, 404)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {status: answer.status for status, answer in found.items()} == {200: 200, 404: 404}


def test_an_answer_from_before_is_not_taken_for_this_one() -> None:
    seen = Seen()
    seen.answer = GOOD
    with pytest.raises(NotNowError, match="none came"):
        seen.of(lambda: None)


def test_sigterm_is_not_taken_for_a_fault_of_the_network() -> None:
    """Mastodon.py makes its own error of whatever is raised while it waits."""

    def question() -> Any:
        try:
            raise TryLaterError("stopped on SIGTERM")
        except Exception as cause:
            raise RuntimeError(f"Could not complete request: {cause}") from None

    with pytest.raises(TryLaterError, match="stopped on SIGTERM"):
        Seen().of(question)
