"""The training processes of this machine: started, followed and ended from the one that holds the run's lease.

Each is `rank.py`. One that fails ends them all, and the reason told is that of the first that failed, not of those
that then missed it. Of a run's several nodes each has its own; where one ends, the others' miss it and end too.
"""

import contextlib
import copy
import os
import queue
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from pipeline import stopping
from pipeline.errors import ConfigError
from pipeline.nodes import ALONE, Node
from pipeline.progress import Bar, Report
from pipeline.settings import Limits, Resources
from pipeline.training import engine, shared_memory
from pipeline.training.checkpoints import Checkpoints, Found
from pipeline.training.failures import Failures
from pipeline.training.launch import Heard, Launch, Wires
from pipeline.training.rank import KEPT, STOP, Job
from pipeline.training.trainer import Trainer

POLL = 0.2  # seconds between looks at whether somebody asked to stop
LIMITS = Limits()


def wanted(resources: Resources) -> int:
    """How many processes train here: one for each GPU asked for; without one, as many as are asked for."""
    if engine.device() == "cpu":
        return resources.processes
    found = torch.cuda.device_count()
    if resources.gpus > found:
        raise ConfigError(f"resources.gpus is {resources.gpus}, but this machine has {found}")
    return max(1, resources.gpus)


def train(
    trainer: Trainer,
    size: int,
    report: Report,
    scratch: Path,
    kept: Checkpoints | None = None,
    node: Node = ALONE,
    limits: Limits = LIMITS,
) -> None:
    """What `trainer.run` does, in `size` processes on each node; `trainer` then has the first one's progress.

    Raises what ended the first that failed here, TryLaterError where it was on another node; SIGTERM and Ctrl-C end
    all after the step that is under way.
    """
    with stopping.deferred() as stop:
        found = kept.fetch(size * node.count) if kept else None
        if size > 1 and engine.device() == "cuda":
            shared_memory.check(report.line)
        job = _job(trainer, size, scratch / "ranks", kept, found, node, limits)
        left = len(trainer.posts) - 1 - (found.progress["tokens"] if found else 0)
        with report.bar("train", left, "tokens") as bar, _started(job, size, node) as (ranks, wires):
            while not ranks.over:
                ranks.look(wires, stop, kept, report, bar)
    ranks.failures.check(stop, report)
    stop.leave_if_asked("after the last step of the training")
    trainer.take_over(ranks.progress)


class Ranks:
    """What is heard of the processes, and what that means."""

    def __init__(self, size: int, node: Node = ALONE) -> None:
        self.node, self.heard = node, Heard()
        self.failures = Failures(size, node)
        self.done: set[int] = set()
        self.progress: dict[str, Any] = {}
        self._told_to_stop = False

    @property
    def over(self) -> bool:
        """Whether all are done, or one failed and is known to be the first."""
        return self.failures.settled or len(self.done) == self.failures.size

    def look(self, wires: Wires, stop: stopping.Stop, kept: Checkpoints | None, report: Report, bar: Bar) -> None:
        """Wait a moment for what they have to say, and do what it asks for."""
        if stop.asked and not self._told_to_stop:
            self._told_to_stop = True
            wires.tell(STOP)
        with contextlib.suppress(queue.Empty):
            rank, message = self.heard.get(timeout=POLL)
            if kept and "checkpoint" in message:
                kept.send(message["checkpoint"], self.node, lambda: self.heard.put((rank, {"sent": True})))
            elif kept and "sent" in message:
                kept.settle()
                wires.tell(KEPT, rank)
            elif "failed" in message or "exit" in message:
                if rank not in self.done:
                    self.failures.add(rank, message)
            elif "done" in message:
                self.done.add(rank)
                self.progress = message["done"] if rank == 0 else self.progress
            else:
                _show(message, report, bar)


def _job(
    trainer: Trainer,
    size: int,
    folder: Path,
    kept: Checkpoints | None,
    found: Found | None,
    node: Node,
    limits: Limits,
) -> Path:
    """All that a rank needs to know, as a file: not in shared memory, of which a container has little."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if kept:
        kept.clean()
        if node.is_first:
            kept.tidy()  # what another attempt's nodes left of one is not this one's
    alone = copy.copy(trainer)
    alone.checkpoints, alone.model = None, trainer.model.to("cpu")  # the GPUs are the ranks'
    if engine.device() == "cuda":
        torch.cuda.empty_cache()
    threads = max(1, torch.get_num_threads() // (1 if "OMP_NUM_THREADS" in os.environ else size))
    job = Job(alone, kept.folder if kept else None, found, threads, node, limits)
    torch.save(job, folder / "job.pt")
    return folder / "job.pt"


@contextlib.contextmanager
def _started(job: Path, size: int, node: Node) -> Iterator[tuple[Ranks, Wires]]:
    """The ranks of a job; they are gone when the block ends, however it ends."""
    ranks, well = Ranks(size, node), False
    launch = Launch(job, size, ranks.heard)
    try:
        yield ranks, launch.wires
        well = len(ranks.done) == size
    finally:
        launch.close(kill=not well)
        shutil.rmtree(job.parent, ignore_errors=True)


def _show(message: dict[str, Any], report: Report, bar: Bar) -> None:
    if "line" in message:
        report.line(message["line"])
    elif "measured" in message:
        report.measured(message["measured"])
    elif "advance" in message:
        report.now |= message["now"]
        bar.advance(message["advance"], message["note"])
