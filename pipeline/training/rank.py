"""`python -m pipeline.training.rank JOB WIRE`: one of the processes that `ranks.py` has train together.

Which of its node's it is, and of how many, torchrun's agent says in LOCAL_RANK and LOCAL_WORLD_SIZE.

What it has to say goes to the socket at the path `WIRE` as JSON, a message a line; what it is told comes from there, a
word a line. Where that ends, whoever started it is done with it or gone: it ends too.
"""

import contextlib
import faulthandler
import json
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.errors import HtctlError, TryLaterError, reason, told
from pipeline.nodes import Node
from pipeline.progress import Bar, Report, quiet
from pipeline.settings import Limits
from pipeline.training.watchdog import Watchdog

STOP, KEPT = "stop", "kept"  # what it is told
LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"  # where all are on this machine
SLACK = 1.1  # the others are waited for somewhat longer than a step may take, so that who hangs is heard of first

Send = Callable[[dict[str, Any]], None]


class Job(NamedTuple):
    """What the ranks of a node are to do."""

    trainer: Any
    keeps: Path | None  # where a checkpoint is written, if it is to be
    found: Any  # the checkpoint to go on from, if there is one
    threads: int
    node: Node
    limits: Limits


class Ears:
    """A thread that hears what is told, from the first moment on.

    stop: what is done when it is told to stop; stopped: that it was
    done: whether all is done, so that the end of what is told is no fault
    kept: clear while a checkpoint that this one wrote is on its way to the store
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.stop: Callable[[], None] = lambda: None
        self.stopped, self.done = False, False
        self.kept = threading.Event()
        self.kept.set()
        threading.Thread(target=self._listen, args=(words,), daemon=True).start()

    def _listen(self, words: Iterable[str]) -> None:
        with contextlib.suppress(OSError):
            for word in words:
                if word.strip() == KEPT:
                    self.kept.set()
                else:
                    self.stopped = True
                    self.stop()
        os._exit(0 if self.done else HtctlError.exit_code)


class Voice(Report):
    """A report whose lines, points and bars are shown by whoever started this process."""

    def __init__(self, send: Send) -> None:
        super().__init__()
        self.send = send
        self.measured = lambda point: send({"measured": dict(point)})

    def line(self, text: str) -> None:
        """One line there."""
        self.send({"line": text})

    @contextlib.contextmanager
    def bar(self, name: str, total: int, unit: str) -> Iterator[Bar]:  # noqa: ARG002 - the bar is there already
        """The bar there goes on."""
        yield self

    def advance(self, amount: int, note: str = "") -> None:
        """So much more, and what the run is at."""
        self.send({"advance": amount, "note": note, "now": self.now})


class Kept:
    """Checkpoints as one of a group has them: written together, uploaded by whoever started each node's."""

    def __init__(self, group: Any, ears: Ears, send: Send, folder: Path, found: Any, local_rank: int) -> None:
        """`found` is the checkpoint to go on from, if there is one."""
        self.group, self.ears, self.send, self.folder, self.found = group, ears, send, folder, found
        self.local_rank = local_rank
        self.saved = False

    def save(self, running: Any, progress: dict[str, Any], best: Path) -> None:
        """Write together, once the one before is in the store; its upload then begins on every node that has a part."""
        from pipeline.training import checkpoints

        self.settle()
        self.saved, parted = True, running.zero_optimization()
        checkpoints.write(running, self.folder, best, self.group)
        if parted:
            self.group.told(True)  # a node's part is whole when each of its ranks has written
        if self.group.is_first or (parted and self.local_rank == 0):
            self.ears.kept.clear()
            self.send({"checkpoint": progress})

    def settle(self) -> None:
        """Wait until every node's part of what was saved last is in the store."""
        if self.saved:
            self.ears.kept.wait()
            self.group.told(True)

    def load(self, running: Any, best: Path) -> dict[str, Any] | None:
        """Put the found one back in place; raises TryLaterError where nodes found different ones."""
        from pipeline.training import checkpoints

        if not self.group.agree(self.found.progress["done"] if self.found else 0):
            raise TryLaterError("the nodes found different checkpoints: one was written meanwhile; all begin again")
        if not self.found:
            return None
        checkpoints.restore(running, self.found.folder, best, self.group)
        progress: dict[str, Any] = self.found.progress
        return progress


def stacks(job: Path, rank: int) -> Path:
    """Where a rank that hangs says where it does."""
    return job.with_name(f"stacks-{rank}")


def train(job: Path, rank: int, size: int, ears: Ears, send: Send) -> None:
    """This process's part of a training; the first one of the group also tells how it goes."""
    import torch

    from pipeline.training import engine, meeting
    from pipeline.training.group import Group

    quiet()
    asked: Job = torch.load(job, weights_only=False, mmap=True)  # its own process group wrote it
    trainer, node, on_gpu = asked.trainer, asked.node, engine.device() == "cuda"
    if node.count == 1:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", LOOPBACK)
    torch.set_num_threads(asked.threads)
    if on_gpu:
        torch.cuda.set_device(rank)
    group = Group(node.index * size + rank, node.count * size)
    os.environ |= {"RANK": str(group.rank), "WORLD_SIZE": str(group.size)}  # the agent knows of this node alone
    ears.stop = lambda: setattr(group, "stop", True)
    group.stop = group.stop or ears.stopped
    voice = Voice(send if group.is_first else lambda _: None)
    trainer.group = group
    trainer.checkpoints = Kept(group, ears, send, asked.keeps, asked.found, rank) if asked.keeps else None
    file = stacks(job, rank).open("w", encoding="utf-8")
    faulthandler.register(signal.SIGTERM, file, chain=True)  # the agent's, where another rank has ended
    met = meeting.at(job.with_name("meeting"), node, group.rank, group.size, asked.limits.meeting_seconds)
    with group.connected():
        group.join(met, "nccl" if on_gpu else "gloo", SLACK * 60 * asked.limits.step_minutes)
        with Watchdog(60 * asked.limits.step_minutes, file) as trainer.watchdog:
            trainer.run(voice)
        group.told(True)  # nobody leaves while another may need it
    ears.done = True
    send({"done": trainer.progress()})


def main(job: str, address: str) -> None:
    """Train; then wait to be let go. Whatever goes wrong is said on the wire."""
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # it warns at every try of a name that nobody knows yet
    wire = socket.socket(socket.AF_UNIX)
    wire.connect(address)
    out, ears = wire.makefile("w", encoding="utf-8"), Ears(wire.makefile(encoding="utf-8"))
    rank, size = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])

    def send(message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # nobody is there, so this process is about to end
            print(json.dumps(message), file=out, flush=True)

    send({"rank": rank, "process": os.getpid()})
    try:
        train(Path(job), rank, size, ears, send)
    except BaseException as error:
        from pipeline.training.group import LostError

        code, said = told(error)
        follows = isinstance(error, LostError)
        foreseen = isinstance(error, HtctlError) and not follows
        trace = "" if foreseen else traceback.format_exc().rstrip()
        send({"failed": reason(said), "code": code, "follows": follows, "trace": trace})
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
