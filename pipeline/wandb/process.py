"""The one file that imports wandb: a process of its own, so that nothing W&B does can hold up or end a run.

`record`: takes commands as JSON lines on stdin and records them as wandb does offline, which needs no server. Where
the run is to be seen as it goes, wandb's own uploader follows each recording, again in a process of its own: a
server that is slow, refuses or is gone keeps that one waiting and nobody else. Says on stdout, as JSON lines, how
far it is. `follow` and `sync`: that uploader, for as long as its stdin is open; it says what wandb says.
"""

import contextlib
import fcntl
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

from pipeline.wandb.feed import ALIVE
from pipeline.wandb.follow import Follower
from pipeline.wandb.parts import write_part

STEP = "train/global_step"  # what everything is drawn over: W&B counts its own steps anew in each attempt
METRICS = ("train/*", "eval/*", "device/*")


def main(what: str, *arguments: str) -> None:
    """`record FOLDER online|offline SECONDS`, `follow FOLDER` or `sync FOLDER...`."""
    if what != "record":
        threading.Thread(target=_end_with_stdin, daemon=True).start()
        from wandb.cli.cli import cli

        cli(["beta", "sync", *(["--live"] if what == "follow" else []), "--yes", *arguments])
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)  # whoever feeds this process says when it is over
    said = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    folder, mode, seconds = arguments
    held = (Path(folder) / ALIVE).open("w")
    fcntl.flock(held, fcntl.LOCK_EX)  # for as long as this process lives
    Recorder(Path(folder), mode == "online", float(seconds), said).run(sys.stdin)


class Recorder:
    """Commands in, W&B's files out; a command that fails is told, and the next one is taken."""

    def __init__(self, folder: Path, online: bool, seconds: float, said: TextIO) -> None:
        self.folder, self.online, self.seconds, self.said = folder, online, seconds, said
        self.run_: Any = None
        self.followers: list[Follower] = []
        self._lock = threading.Lock()

    def run(self, commands: Iterable[str]) -> None:
        """Take commands until they end, which they do too when who gives them is killed."""
        for number, line in enumerate(commands, 1):
            try:
                command = json.loads(line)
                getattr(self, f"do_{command.pop('do')}")(**command)
            except Exception as error:  # whatever wandb raises, the rest is still worth recording
                self.say(failed=" ".join(f"{type(error).__name__}: {error}".split()))
            self.say(done=number)
        if self.run_:
            self.do_finish(whole=False)
        until = time.monotonic() + self.seconds
        for follower in self.followers:
            follower.end(max(until - time.monotonic(), 0))
        self.say(closed=True)

    def say(self, **what: Any) -> None:
        with self._lock, contextlib.suppress(OSError):
            self.said.write(json.dumps(what) + "\n")

    def do_begin(self, kind: str, config: dict[str, Any], **about: str) -> None:
        """A run of W&B: `id`, `name`, `job_type`, `project`, `entity`."""
        import wandb

        self.run_ = wandb.init(
            **{key: value or None for key, value in about.items()},  # type: ignore[arg-type]
            config=config,
            resume="allow",
            dir=str(self.folder),
            settings=wandb.Settings(**_quiet()),
        )
        for name in METRICS if kind == "train" else ():
            self.run_.define_metric(name, step_metric=STEP)
        folder = Path(self.run_.dir).parent
        self.say(begun=kind, folder=folder.name)
        if self.online:
            before = self.followers[-1] if self.followers else None
            self.followers.append(Follower(folder, kind, self.say, before))

    def do_log(self, data: dict[str, Any]) -> None:
        self.run_.log(data)

    def do_config(self, data: dict[str, Any]) -> None:
        self.run_.config.update(data, allow_val_change=True)

    def do_summary(self, data: dict[str, Any]) -> None:
        self.run_.summary.update(data)

    def do_table(self, name: str, columns: Sequence[str | int], rows: list[list[str]]) -> None:
        import wandb

        self.run_.log({name: wandb.Table(columns=list(columns), data=rows)})

    def do_artifact(self, name: str, type: str, metadata: dict[str, Any], used: bool, parts: dict[str, Any]) -> None:  # noqa: A002
        """`parts`: for each file what it is made from, or where it lies elsewhere."""
        import wandb

        artifact = wandb.Artifact(name, type, metadata=metadata)
        for part, source in parts.items():
            if "reference" in source:
                artifact.add_reference(source["reference"], name=part, checksum=False)
            else:
                path = self.folder / "artifacts" / name / part
                path.parent.mkdir(parents=True, exist_ok=True)
                write_part(path, **source)
                artifact.add_file(str(path), name=part, policy="immutable", skip_cache=True)
        # use_artifact refuses to work offline, though the record knows an artifact that is used and made at once
        self.run_._log_artifact(artifact, is_user_created=used, use_after_commit=used)

    def do_wait(self, seconds: float) -> None:
        """How long the uploaders may take from the end of the commands on."""
        self.seconds = seconds

    def do_finish(self, whole: bool) -> None:
        if not whole:
            self.run_.mark_preempting()
        self.run_.finish(exit_code=0 if whole else 1)
        self.run_ = None


def _end_with_stdin() -> None:
    """An uploader that nobody waits for any more ends at once."""
    sys.stdin.read()
    os._exit(75)


def _quiet() -> dict[str, Any]:
    """No probing of the machine, no code, no console, no version check: only what it is told."""
    return {
        "mode": "offline",
        "console": "off",
        "silent": True,
        "disable_git": True,
        "disable_code": True,
        "save_code": False,
        "disable_job_creation": True,
        "host": "htctl",
        "program": "htctl",
        "x_disable_meta": True,
        "x_disable_stats": True,
        "x_disable_machine_info": True,
        "x_save_requirements": False,
        "x_transaction_log_flush_interval": 1.0,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
