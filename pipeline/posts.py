"""The one record that all sources give and all stages read: a post, kept as gzipped JSON lines."""

import contextlib
import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Post(NamedTuple):
    """A post as its source tells it; `text` is still as it came (entities, links and all)."""

    id: str  # "" where the source gives none
    text: str
    created_at: str  # ISO 8601, "" where unknown
    lang: str  # BCP 47 as the source says, "" where unknown
    retweet: bool


class Skipped:
    """Bad lines, or posts, that are left out: how many, and the numbers of the first few."""

    SHOWN = 10

    def __init__(self, what: str = "line") -> None:
        self.what = what
        self.count = 0
        self.first: list[int] = []
        self.last = 0

    def add(self, number: int) -> None:
        """Note a bad one; a line that holds several bad posts is one line."""
        if number != self.last:
            self.count += 1
            self.last = number
            self.first += [number] if self.count <= self.SHOWN else []

    def __str__(self) -> str:
        """`, 2 bad lines skipped (lines 7, 19)`; nothing where none was."""
        if not self.count:
            return ""
        names = self.what if self.count == 1 else f"{self.what}s"
        numbers = ", ".join(f"{number:,}" for number in self.first) + (", ..." if self.count > self.SHOWN else "")
        return f", {self.count:,} bad {names} skipped ({names} {numbers})"


@contextlib.contextmanager
def line_writer(path: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A function that appends one record to a file of gzipped JSON lines; equal records give equal bytes."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as file:
        yield lambda record: _append(file, record)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file of gzipped JSON lines, one at a time."""
    with gzip.open(path, "rb") as file:
        for line in file:
            yield json.loads(line.decode("utf-8", "surrogatepass"))


def write_posts(path: Path, posts: Iterable[Post]) -> int:
    """Posts as gzipped JSON lines; returns how many."""
    count = 0
    with line_writer(path) as write:
        for post in posts:
            write(post._asdict())
            count += 1
    return count


def read_posts(path: Path) -> Iterator[Post]:
    """The inverse of `write_posts`."""
    return (Post(**record) for record in read_lines(path))


def _append(file: gzip.GzipFile, record: dict[str, Any]) -> None:
    file.write(json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
