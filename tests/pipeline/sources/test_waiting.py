import time

import pytest

from pipeline.errors import AccountError, TryLaterError
from pipeline.sources import waiting
from pipeline.sources.waiting import Bounds, NotNowError
from tests.pipeline.sources.asked import Clock

BOUNDS = Bounds(limit=100.0, fault=10.0, first_limit=8.0)


def persist(clock: Clock, *answers: Exception | str) -> str:
    left = list(answers)

    def question() -> str:
        answer = left.pop(0) if left[1:] else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return waiting.persist(question, "@a:", BOUNDS, clock.said.append, clock.slept.append)


def test_the_first_answer_is_taken_and_each_wait_is_told() -> None:
    clock = Clock()
    assert persist(clock, NotNowError("is down"), NotNowError("is down"), "yes") == "yes"
    assert clock.slept == [1.0, 2.0]
    assert clock.said == ["@a: is down; asking again in 1 s", "@a: is down; asking again in 2 s"]


@pytest.mark.parametrize(
    ("why", "slept", "says"),
    [
        (NotNowError("is down"), [1.0, 2.0, 4.0], "@a: is down, for too long; what was fetched is kept"),
        (NotNowError("is full", limited=True), [8.0, 16.0, 32.0], "@a: is full, for too long; what"),
        (NotNowError("is full", limited=True, wait=101.0), [], "longer than is waited for; what was fetched is kept"),
        (NotNowError("is full", limited=True, wait=0.0), [1.0, 2.0, 4.0, 8.0, 16.0, 32.0], "longer than is waited"),
    ],
)
def test_every_wait_is_longer_than_the_one_before_and_all_have_a_bound(
    why: NotNowError, slept: list[float], says: str
) -> None:
    clock = Clock()
    with pytest.raises(TryLaterError) as raised:
        persist(clock, why)
    assert clock.slept == slept
    assert says in str(raised.value)
    assert raised.value.__cause__ is why


def test_what_is_no_matter_of_time_is_raised_at_once() -> None:
    clock = Clock()
    with pytest.raises(AccountError):
        persist(clock, AccountError("gone"))
    assert clock.slept == []


def test_a_source_s_own_clock_counts() -> None:
    assert waiting.clock({"date": "Thu, 01 Jan 2026 00:00:00 GMT"}) == 1767225600
    for headers in ({}, {"date": "noon"}):
        assert waiting.clock(headers) == pytest.approx(time.time(), abs=5)
