"""What a person sees while a run works: bars on a terminal, plain lines in a pipe or a container's log."""

import contextlib
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.moments import utc

EVERY = 10.0  # seconds between plain lines


def quiet() -> None:
    """Keep the libraries' chatter out of what is shown; their errors stay."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    logging.getLogger("DeepSpeed").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning)


def share_cores() -> None:
    """Have OpenMP's threads sleep while they wait, not spin, which costs much beside a busy process (bench/threads).

    Read by the OpenMP library when it is loaded, so this comes before the first import of torch.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class Bar(Protocol):
    """One long action under way."""

    def advance(self, amount: int, note: str = "") -> None:
        """So much more is done; `note` is what else to show, such as the loss."""


class Report:
    """Lines and bars on stderr; stdout stays for results."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(file=sys.stderr, highlight=False, soft_wrap=True)
        self.said: list[str] = []  # every line with its time: the run's log
        self.measured: Callable[[Mapping[str, Any]], None] = lambda _: None  # is told points of the training's curve
        self.now: dict[str, Any] = {}  # what the run is at, for who looks from outside: stage, done, total, step

    def line(self, text: str) -> None:
        """One line, above any bar."""
        self.said.append(f"{utc()} {text}")
        self.console.print(escape(text))

    @contextlib.contextmanager
    def bar(self, name: str, total: int, unit: str) -> Iterator[Bar]:
        """A bar for an action of `total` units, with units per second and the time left."""
        if not self.console.is_terminal:
            yield _Lines(self, name, total, unit)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:.0f}%"),
            TimeRemainingColumn(),
            TextColumn("left  {task.fields[note]}"),
        )
        with Progress(*columns, console=self.console, transient=True) as progress:
            yield _Bar(self, progress, name, total, unit)


class _Speed:
    """Units per second since the first call, which the report then knows."""

    def __init__(self, report: Report, total: int, unit: str) -> None:
        self.report, self.started, self.done = report, time.monotonic(), 0
        report.now |= {"done": 0, "total": total, "unit": unit}

    def add(self, amount: int) -> float:
        self.done += amount
        speed = self.done / max(time.monotonic() - self.started, 1e-9)
        self.report.now |= {"done": self.done, "per_second": round(speed, 1)}
        return speed


class _Bar:
    def __init__(self, report: Report, progress: Progress, name: str, total: int, unit: str) -> None:
        self.progress, self.unit, self.speed = progress, unit, _Speed(report, total, unit)
        self.task: Any = progress.add_task(name, total=total, note="")

    def advance(self, amount: int, note: str = "") -> None:
        speed = self.speed.add(amount)
        self.progress.update(self.task, advance=amount, note=f"{speed:,.0f} {self.unit}/s  {escape(note)}")


class _Lines:
    def __init__(self, report: Report, name: str, total: int, unit: str) -> None:
        self.report, self.name, self.total, self.unit = report, name, total, unit
        self.speed, self.said = _Speed(report, total, unit), time.monotonic()

    def advance(self, amount: int, note: str = "") -> None:
        speed, now = self.speed.add(amount), time.monotonic()
        if now - self.said < EVERY and self.speed.done < self.total:
            return
        self.said = now
        left = max(self.total - self.speed.done, 0) / speed
        parts = [
            f"{self.speed.done / self.total:.0%}",
            f"{speed:,.0f} {self.unit}/s",
            f"{left:,.0f} s left",
            note,
        ]
        self.report.line(f"{self.name}: {', '.join(part for part in parts if part)}")
