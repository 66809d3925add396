"""A training process that hangs shows where it does, and ends, so that its Job tries again."""

import faulthandler
import time
from typing import TextIO


class Watchdog:
    """While it is entered: ends this process `seconds` after the last `beat`, all threads' stacks in `file`.

    It is a thread of C (`faulthandler`), so it does so while Python is held in a call that does not return too. The
    exit code is then 1.
    """

    def __init__(self, seconds: float, file: TextIO) -> None:
        self.seconds, self.file = seconds, file
        self._armed = float("-inf")

    def beat(self) -> None:
        """Begin to count anew; often is fine."""
        if time.monotonic() - self._armed > min(1.0, self.seconds / 10):
            faulthandler.dump_traceback_later(self.seconds, exit=True, file=self.file)
            self._armed = time.monotonic()

    def __enter__(self) -> "Watchdog":
        self.beat()
        return self

    def __exit__(self, *_: object) -> None:
        faulthandler.cancel_dump_traceback_later()
