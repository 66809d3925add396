"""The only place that prints: lines, tables, JSON, errors."""

import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.errors import ConfigError

if TYPE_CHECKING:
    import threading

EVERY = 10.0  # seconds between lines about one long action
NAMED = 5  # of many, those that a line names


def line(text: str) -> None:
    """A line of result, on stdout; control characters, which could steer a terminal, are left out."""
    sys.stdout.write(f"{_CONTROL.sub('', text)}\n")


def document(content: bytes) -> None:
    """A file as the result: to the byte in a pipe; on a terminal without what could steer it."""
    if sys.stdout.isatty():
        sys.stdout.write(_CONTROL.sub("", content.decode("utf-8", "replace")))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def note(text: str) -> None:
    """A line about what is going on, on stderr."""
    sys.stderr.write(f"{text}\n")


def error(text: str) -> None:
    """What is wrong, where, and what to do, on stderr."""
    note(f"error: {text}")


def data(value: Any) -> None:
    """A result for programs: JSON on stdout."""
    line(json.dumps(value, ensure_ascii=False, indent=2))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on a terminal; in a pipe the same columns, with tabs between and no heading."""
    if not sys.stdout.isatty():
        for row in rows:
            line("\t".join(row))
        return
    from rich.console import Console

    Console().print(_drawn(columns, rows))


def _drawn(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column)
    for row in rows:
        drawn.add_row(*(Text(_CONTROL.sub("", cell)) for cell in row))
    return drawn


@contextlib.contextmanager
def redrawn() -> Iterator[Callable[[str, Sequence[str], Iterable[Sequence[str]], str], None]]:
    """A part of the terminal that is drawn anew: a line above, a table, a line below."""
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    with Live(auto_refresh=False, transient=True) as live:

        def draw(above: str, columns: Sequence[str], rows: Iterable[Sequence[str]], below: str) -> None:
            live.update(Group(Text(above), _drawn(columns, rows), Text(below)), refresh=True)

        yield draw


def is_terminal() -> bool:
    """Whether stdout is one."""
    return sys.stdout.isatty()


def height() -> int:
    """How many rows of a table fit on the terminal."""
    import shutil

    return max(shutil.get_terminal_size().lines - 6, 15)


@contextlib.contextmanager
def progress(name: str, total: int, done: Callable[[], int], *, things: bool = False) -> Iterator[None]:
    """How many of `total` bytes (or things) are done while the block lasts: a bar on a terminal, in a pipe a line
    now and then."""
    import threading

    ended = threading.Event()
    show = _bar if sys.stderr.isatty() else _lines
    shown = threading.Thread(target=show, args=(name, total, done, ended, things), daemon=True)
    shown.start()
    try:
        yield
    finally:
        ended.set()
        shown.join()


def _bar(name: str, total: int, done: Callable[[], int], ended: "threading.Event", things: bool) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    count = MofNCompleteColumn() if things else DownloadColumn()
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), count, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=total)
        while not ended.wait(0.2):
            bar.update(task, completed=min(done(), total))


def _lines(name: str, total: int, done: Callable[[], int], ended: "threading.Event", things: bool) -> None:
    while not ended.wait(EVERY):
        now = min(done(), total)
        so_far, whole = (f"{now:,}", f"{total:,}") if things else (size(now), size(total))
        note(f"{name}: {so_far} of {whole} ({now / max(total, 1):.0%})")


def ask(question: str, unasked: str = "nothing was done; --yes does it without asking") -> bool:
    """Whether a person at a terminal says yes; elsewhere ConfigError with `unasked`, since nobody can be asked."""
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise ConfigError(f"nobody can be asked here: {unasked}")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def size(count: int) -> str:
    """Bytes as a person says them: `1.2 GB`, a GB being 1,000 MB."""
    amount, unit = float(count), 0
    while amount >= 999.95 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:,.1f} {_UNITS[unit]}" if unit else f"{count} B"


def dollars(amount: float) -> str:
    """Money as a person says it; a little is not nothing."""
    return "under $0.01" if 0 < amount < 0.01 else f"${amount:,.2f}"


def some(names: Sequence[str]) -> str:
    """The first few by name, the others by number."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def hang_up() -> int:
    """Nobody reads stdout any more: keep Python from saying so at its end; returns the shell's code for it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + signal.SIGPIPE


def fault() -> None:
    """An error that nobody foresaw: a short line, and the whole in a file that can be sent."""
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="htctl-fault-", suffix=".log", delete=False, encoding="utf-8") as log:
        log.write(traceback.format_exc())
    reason = traceback.format_exception_only(sys.exception())[-1].strip()
    error(f"a fault in htctl: {reason}; the whole is in {log.name}, please send it with your report")


def utf8() -> None:
    """Posts are in every script, whatever the locale says."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(encoding="utf-8", errors="replace")


_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
