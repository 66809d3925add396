import threading
import time

import pytest

from k8s import parallel


def test_every_item_once_and_never_too_many_at_once() -> None:
    lock, now, most = threading.Lock(), 0, 0

    def work(item: int) -> int:
        nonlocal now, most
        with lock:
            now, most = now + 1, max(most, now + 1)
        time.sleep(0.001)
        with lock:
            now -= 1
        return item

    assert sorted(parallel.each(work, range(100), 8)) == list(range(100))
    assert 1 < most <= 8


def test_the_first_error_ends_it_and_what_was_done_is_told() -> None:
    def work(item: int) -> int:
        if item == 5:
            raise ValueError("five")
        return item

    done: list[int] = []
    with pytest.raises(ValueError, match="five"):
        done.extend(parallel.each(work, range(1000), 1))
    assert done == [0, 1, 2, 3, 4]


def test_no_items_are_no_work() -> None:
    assert list(parallel.each(str, [])) == []
