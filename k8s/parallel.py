"""Many requests, so many at a time: results as they come, and an end at the first error."""

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import TypeVar

AT_ONCE = 96  # requests under way: fewer are slower (bench/submit), more are not faster

T = TypeVar("T")
R = TypeVar("R")


def each(work: Callable[[T], R], items: Iterable[T], at_once: int = AT_ONCE) -> Iterator[R]:
    """What `work` makes of each item, in no order. After an error nothing more is begun; what is under way is
    waited for, told, and then the error is raised. The threads end with the process (Ctrl-C waits for none)."""
    results: SimpleQueue[R | _Ended] = SimpleQueue()
    left, taking, stopped = iter(items), threading.Lock(), threading.Event()

    def worker() -> None:
        error: BaseException | None = None
        try:
            while not stopped.is_set():
                with taking:
                    item = next(left)
                results.put(work(item))
        except StopIteration:
            pass
        except BaseException as raised:
            error = raised
            stopped.set()
        results.put(_Ended(error))

    for _ in range(at_once):
        threading.Thread(target=worker, daemon=True).start()
    try:
        yield from _results(results, at_once)
    finally:
        stopped.set()


class _Ended:
    """A worker's last word: the error that ended it, or None where nothing was left."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def _results(results: "SimpleQueue[R | _Ended]", workers: int) -> Iterator[R]:
    first: BaseException | None = None
    while workers:
        result = results.get()
        if isinstance(result, _Ended):
            workers -= 1
            first = first or result.error
        else:
            yield result
    if first:
        raise first
