"""Feeds the process that records for W&B: a queue and a pipe, so that telling it something takes no time."""

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

from pipeline.store import disk

ALIVE = "alive"  # a file of the recording's folder, locked while somebody records
FOLDER = "htctl-wandb-"  # how every such folder's name begins
WAITING = 10_000  # commands that the process may be behind; what comes then is dropped
SHOWN = re.compile(r"View run .* at (https?://\S+)$")  # how wandb's uploader says where a run is to be seen
OWN = ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_HTTP_TIMEOUT")  # of wandb's variables a person's own


def environment(folder: Path, base_url: str, given: Mapping[str, str]) -> dict[str, str]:
    """wandb's environment: all it writes goes under `folder`, and nobody is told of its errors."""
    kept = {name: value for name, value in given.items() if not name.startswith("WANDB_") or name in OWN}
    address = base_url or given.get("WANDB_BASE_URL", "")
    return {
        **kept,
        **({"WANDB_BASE_URL": address} if address else {}),
        "WANDB_DIR": str(folder),
        "WANDB_CACHE_DIR": str(folder / "cache"),
        "WANDB_CONFIG_DIR": str(folder / "config"),
        "WANDB_DATA_DIR": str(folder / "data"),
        "WANDB_ARTIFACT_DIR": str(folder / "fetched"),
        "WANDB_ERROR_REPORTING": "false",
    }


def abandoned(folder: Path, patience: float = 0) -> bool:
    """Whether a recording's folder is here, ours, and nobody's any more, its process having been killed or `patience`
    seconds enough for it to end."""
    if not folder.name.startswith(FOLDER) or folder.is_symlink() or not folder.is_dir():
        return False
    if folder.stat().st_uid != os.getuid():
        return False
    with contextlib.suppress(disk.HeldError), disk.locked(folder / ALIVE, patience):
        return True
    return False


def plain(line: str) -> str:
    """A line that wandb says, without its colours and its name."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line).strip().removeprefix("wandb:").strip()


class Feed:
    """The process, what it was told, and what it says of itself."""

    def __init__(self, folder: Path, online: bool, base_url: str, seconds: float) -> None:
        self.done = self.told = self.dropped = 0
        self.links: dict[str, str] = {}
        self.failed: list[str] = []
        self.unsent: dict[str, str] = {}  # recordings that W&B has not, and why
        self._queue: queue.Queue[str | None] = queue.Queue(WAITING)
        self._changed = threading.Condition()
        self._left: set[str] = set()
        arguments = ["record", str(folder), "online" if online else "offline", str(seconds)]
        with (folder / "process.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "pipeline.wandb.process", *arguments],
                env=environment(folder, base_url, os.environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C and a Pod's SIGTERM are for who feeds it
                text=True,
            )
        threading.Thread(target=self._write, daemon=True).start()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def tell(self, command: Mapping[str, Any]) -> int:
        """Queue a command, never waiting; returns its number, by which `wait` knows it."""
        try:
            self._queue.put_nowait(json.dumps(command))
            self.told += 1
        except queue.Full:
            self.dropped += 1
        return self.told

    def has(self, number: int) -> bool:
        """Whether the command of that number is recorded."""
        return self.done >= number

    def wait(self, number: int, seconds: float) -> bool:
        """Wait until a command is recorded, so long at most."""
        with self._changed:
            self._changed.wait_for(lambda: self.has(number) or not self._reader.is_alive(), seconds)
        return self.has(number)

    def wait_for_links(self, wanted: set[str], seconds: float) -> None:
        """Wait until W&B has shown these runs, so long at most; not for those that it will not show any more."""
        with self._changed:
            self._changed.wait_for(
                lambda: wanted <= self.links.keys() | self._left or not self._reader.is_alive(), seconds
            )

    def close(self, seconds: float) -> None:
        """No more commands; wait so long for its end, then end it."""
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)
        until = time.monotonic() + seconds
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        self.kill()
        self._reader.join(max(until - time.monotonic(), 1))

    def kill(self) -> None:
        """End it and what it started, if it is still there."""
        if self.process.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _write(self) -> None:
        stdin = cast(IO[str], self.process.stdin)
        with contextlib.suppress(OSError, ValueError):  # it has ended: what comes now is not recorded
            while (line := self._queue.get()) is not None:
                stdin.write(line + "\n")
                stdin.flush()
        with contextlib.suppress(OSError):
            stdin.close()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            with contextlib.suppress(ValueError):
                said = json.loads(line)
                with self._changed:
                    self._note(said)
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _note(self, said: Mapping[str, Any]) -> None:
        self.done = said.get("done", self.done)
        if "url" in said:
            self.links[said["shown"]] = said["url"]
        if "left" in said:
            self._left.add(said["left"])
        if "failed" in said:
            self.failed.append(said["failed"])
        if "unsent" in said:
            self.unsent[said["unsent"]] = said["why"]
