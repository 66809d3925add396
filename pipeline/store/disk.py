"""Files and folders that are there whole after the power fails, and locks that end with the process that holds them."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO


class HeldError(Exception):
    """Another process has held a lock all the time."""


@contextlib.contextmanager
def locked(path: Path, patience: float) -> Iterator[None]:
    """A block that no other process is in for this lock file; HeldError after `patience` seconds."""
    with path.open("w") as file:
        until = time.monotonic() + patience
        while not _try_lock(file):
            if time.monotonic() > until:
                raise HeldError
            time.sleep(0.002)
        yield


def make_folder(folder: Path) -> None:
    """Make a folder and those above it."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
