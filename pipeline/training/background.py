"""One piece of work at a time in a thread, beside the training; what went wrong is raised where it is settled."""

import contextlib
import threading
from collections.abc import Callable


class Background:
    """Work that may be under way. The thread ends with the process: work that must be whole has to be settled."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def start(self, work: Callable[[], None], then: Callable[[], None] = lambda: None) -> None:
        """Settle what is under way and begin something else; `then` is done in its thread when it is over."""
        self.settle()
        self._thread = threading.Thread(target=self._run, args=(work, then), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], None], then: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self._error = error
        with contextlib.suppress(Exception):  # whoever was to be told is gone
            then()

    def settle(self) -> None:
        """Wait for what is under way, if anything is; raises what it ended with."""
        if self._thread:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if error:
            raise error
