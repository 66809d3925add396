"""A small disk for tests, full or read-only; only root can mount one, so elsewhere the test is skipped."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def disk(folder: Path, size: str, options: str = "rw") -> Iterator[Path]:
    """An empty file system of `size` on `folder`, gone with all that is in it when the block ends."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount the small disk that this needs")
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},{options}", "htctl-test", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"this machine lets nobody mount a disk: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
