import threading

import pytest

from pipeline.errors import StoreError
from pipeline.training.background import Background


def test_work_goes_on_beside_and_is_waited_for_when_it_is_settled() -> None:
    background, may_end, done = Background(), threading.Event(), list[str]()

    def work() -> None:
        assert may_end.wait(60)
        done.append("work")

    background.start(work, lambda: done.append("told"))
    assert done == []
    may_end.set()
    background.settle()
    assert done == ["work", "told"]
    background.settle()


def test_what_went_wrong_is_raised_once_and_told_to_whoever_waits() -> None:
    def work() -> None:
        raise StoreError("away")

    told, background = threading.Event(), Background()
    background.start(work, told.set)
    assert told.wait(60)
    with pytest.raises(StoreError, match="away"):
        background.start(lambda: None)
    background.settle()


def test_one_thing_is_over_before_the_next_begins() -> None:
    background, order, first = Background(), list[int](), threading.Event()

    def slow() -> None:
        first.wait(0.2)
        order.append(1)

    background.start(slow)
    background.start(lambda: order.append(2))
    background.settle()
    assert order == [1, 2]
