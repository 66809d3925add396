"""Has wandb's own uploader follow a recording as it grows, in a process that nobody waits for longer than is said."""

import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from pipeline.wandb.feed import SHOWN, plain

TROUBLE = re.compile(r"error|fail|refused|denied|not authenticated|no api key|timed? ?out|\b[45]\d\d\b", re.IGNORECASE)
TURN_S = 60.0  # how long a recording waits for the one before to be sent


class Follower:
    """wandb's uploader, following one recording until it ends."""

    def __init__(self, folder: Path, kind: str, say: Callable[..., None], before: "Follower | None") -> None:
        self.folder, self.kind, self.say, self.before = folder, kind, say, before
        self.last = "it has not answered"
        self.process: subprocess.Popen[str] | None = None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def end(self, seconds: float) -> None:
        """Give it so long, and no longer; tell whether W&B has all."""
        self.thread.join(seconds)
        self.over.set()
        if self.process and self.process.poll() is None:
            self.process.kill()
        self.thread.join(1)
        if any(self.folder.glob("*.wandb.synced")):
            self.say(synced=self.folder.name)
        else:
            self.say(unsent=self.folder.name, why=self.last)

    def _run(self) -> None:
        if self.before:  # whose artifacts this one uses: who makes one first is the one that made it
            self.before.thread.join(TURN_S)
        if self.over.is_set():
            return
        command = [sys.executable, "-P", "-m", "pipeline.wandb.process", "follow", str(self.folder)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for line in self.process.stdout or ():
            self._hear(line)
        self.process.wait()
        self.say(left=self.kind)

    def _hear(self, line: str) -> None:
        text = plain(line)
        sys.stderr.write(f"{self.kind}: {text}\n")
        if found := SHOWN.search(text):
            self.say(shown=self.kind, url=found[1])
        if TROUBLE.search(text):
            self.last = re.sub(r"^(ERROR |[\w.]*Error: )", "", text)[-200:]
