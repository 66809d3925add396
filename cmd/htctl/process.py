"""Starts the pipeline in processes of its own, so that the command line stays light."""

import importlib.util
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from htctl import output
from pipeline.config import ENVIRONMENT, RunConfig
from pipeline.errors import ConfigError

NEEDED = ("torch", "transformers", "deepspeed")  # looked for, never imported
TO_ASK = ("tweepy",)  # what asks sources needs no more of what trains


def run_pipeline(config: RunConfig) -> int:
    """Make one bot; returns the container's exit code. What it says goes to our stderr."""
    return _python(["-m", "pipeline"], {ENVIRONMENT: config.to_json()})


def generate(arguments: Sequence[str]) -> int:
    """Write posts with a finished bot; `arguments` are those of `python -m pipeline.generation`."""
    return _python(["-m", "pipeline.generation", *arguments], {})


def scrape(arguments: Sequence[str]) -> int:
    """Fetch accounts' posts; `arguments` are those of `python -m pipeline.scraping`."""
    return _python(["-m", "pipeline.scraping", *arguments], {}, needed=TO_ASK)


def sync_wandb(folder: Path, recording: Path, base_url: str, seconds: float) -> Iterator[str]:
    """Send a recording by wandb's own uploader, ended after so long; yields what it says. Its key is the environment's.

    `folder` is the attempt's, under which wandb may write.
    """
    if importlib.util.find_spec("wandb") is None:
        raise ConfigError("wandb is not installed; install what trains: pip install 'htctl[pipeline]'")
    import subprocess
    import threading

    from pipeline.wandb import feed

    command = [sys.executable, "-P", "-m", "pipeline.wandb.process", "sync", str(recording)]
    environment = feed.environment(folder, base_url, os.environ)
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(command, env=environment, text=True, stdin=pipe, stdout=pipe, stderr=both) as started:
        timer = threading.Timer(seconds, started.kill)
        timer.start()
        try:
            for line in started.stdout or ():
                yield feed.plain(line)
            started.wait()
        finally:
            timer.cancel()
            started.kill()


def adopt(arguments: Sequence[str]) -> tuple[int, str]:
    """Take a bot in that was made elsewhere; returns the exit code and its id. `arguments` are those of `python -m
    pipeline.adoption`."""
    import tempfile

    with tempfile.TemporaryFile() as file:
        code = _python(["-m", "pipeline.adoption", *arguments], {}, file)
        file.seek(0)
        return code, file.read().decode().strip()


def _python(
    arguments: Sequence[str],
    environment: dict[str, str],
    stdout: IO[bytes] | None = None,
    needed: Sequence[str] = NEEDED,
) -> int:
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(f"{', '.join(missing)} not installed; install what trains: pip install 'htctl[pipeline]'")
    import subprocess

    # -P: the installed pipeline, never a folder of that name where the person stands
    with subprocess.Popen(
        [sys.executable, "-P", *arguments], env={**os.environ, **environment}, stdout=stdout
    ) as process:
        while True:
            try:
                return _code(process.wait())
            except KeyboardInterrupt:
                continue  # the terminal told the process too; its own ending is the answer


def _code(status: int) -> int:
    """A process's exit code as a shell gives it; 128 and more: ended by a signal, which is said."""
    if status >= 0:
        return status
    name = signal.Signals(-status).name
    output.error(f"the pipeline was ended by {name}{' (out of memory?)' if name == 'SIGKILL' else ''}")
    return 128 - status
