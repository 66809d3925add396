"""Which of the training processes failed first, and what that means for the run."""

import signal
import time
from typing import Any, NamedTuple

from pipeline import stopping
from pipeline.errors import HtctlError, TryLaterError
from pipeline.nodes import Node
from pipeline.progress import Report

GRACE = 5.0  # seconds in which the rank that failed first is heard of after those that missed it


class Failure(NamedTuple):
    """How a rank failed, in the order in which failures count: what follows from another's comes last."""

    follows: bool
    at: float
    rank: int
    code: int
    said: str
    trace: str = ""
    hung: bool = False  # where it hangs is in `trace`; those that waited for it are heard of at about the same time


class Failures:
    """Those of `size` ranks on a node."""

    def __init__(self, size: int, node: Node) -> None:
        self.size, self.node = size, node
        self._found: list[Failure] = []

    @property
    def settled(self) -> bool:
        """Whether it is known which one failed first, and what the others saw."""
        if not self._found or len(self._found) == self.size:
            return bool(self._found)
        first = min(self._found)
        return not (first.follows or first.hung) or time.monotonic() - first.at > GRACE

    def add(self, rank: int, message: dict[str, Any]) -> None:
        """What a rank said of its end, or how its process ended; what is heard of a rank first counts."""
        if rank in (failure.rank for failure in self._found):
            return
        who, now = f"rank {self.node.index * self.size + rank} of {self.node.count * self.size}", time.monotonic()
        code = message.get("exit")
        ended_with_others = code == -signal.SIGTERM
        if message.get("stacks") and not ended_with_others:
            said = f"{who} hangs: no step has ended within limits.step_minutes; its stacks are in the log"
            failure = Failure(False, now, rank, TryLaterError.exit_code, said, message["stacks"], True)
        elif code is not None:
            said, left = f"{who}: {_ended(code)}", message.get("stacks", "")
            failure = Failure(ended_with_others, now, rank, HtctlError.exit_code, said, left)
        else:
            unforeseen = message["trace"] and not message["follows"]
            said = f"{who}: {message['failed']}" if unforeseen else message["failed"]
            failure = Failure(message["follows"], now, rank, message["code"], said, message["trace"])
        self._found.append(failure)

    def check(self, stop: stopping.Stop, report: Report) -> None:
        """Raise what the first failure means, if there is one."""
        if not self._found:
            return
        first = min(self._found)
        for each in (failure for failure in sorted(self._found) if first.hung and failure.trace):
            report.line(f"{each.said}:\n{each.trace}")
        if first.follows and self.node.count > 1:
            raise TryLaterError(f"{self.node}: {first.said}; what happened is in the log of another node")
        if first.code == TryLaterError.exit_code:
            if stop.asked == signal.SIGINT:
                raise KeyboardInterrupt
            raise TryLaterError(first.said)
        if first.trace and not first.follows:
            report.line(first.trace)
        error = HtctlError(first.said)
        error.exit_code = first.code
        raise error


def _ended(code: int) -> str:
    if code >= 0:
        return f"ended by itself with exit code {code}"
    name = signal.Signals(-code).name
    return f"killed ({name}){', perhaps for want of memory' if name == 'SIGKILL' else ''}"
