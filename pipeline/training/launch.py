"""A node's training processes: torchrun's library starts, watches and ends them; here is heard what they say."""

import contextlib
import json
import logging
import os
import queue
import signal
import socket
import socketserver
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import Any

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from pipeline.errors import reason, told
from pipeline.training.rank import stacks

LOCALHOST = "127.0.0.1"  # else its name is looked up, for which nobody may answer

Heard = queue.SimpleQueue[tuple[int, dict[str, Any]]]


class Wires(socketserver.ThreadingUnixStreamServer):
    """A socket to which each rank comes, to say what it has to and to hear what it is told."""

    def __init__(self, address: str, heard: Heard) -> None:
        super().__init__(address, _Wire)
        self._heard, self._lock, self._cut = heard, threading.Lock(), False
        self._open: dict[int, tuple[int, socket.socket]] = {}  # by rank: its process's id, and the connection
        self._said: list[tuple[int | None, str]] = []  # what was told before a rank came
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def tell(self, word: str, rank: int | None = None) -> None:
        """Say a word to one rank, or to all; who has not come yet hears it then."""
        with self._lock:
            self._said.append((rank, word))
            for each, (_, wire) in self._open.items():
                if rank in (None, each):
                    _say(wire, word)

    def cut(self, *, kill: bool) -> None:
        """Let all ranks go, or end those that are there; who comes later is let go too."""
        with self._lock:
            self._cut = True
            for process, wire in self._open.values():
                if kill:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL)
                with contextlib.suppress(OSError):
                    wire.shutdown(socket.SHUT_RDWR)

    def hear(self, wire: socket.socket) -> None:
        """A rank from its first word to its last."""
        with wire.makefile(encoding="utf-8") as lines:
            came = json.loads(lines.readline())
            rank = int(came["rank"])
            with self._lock:
                if self._cut:
                    return
                self._open[rank] = (int(came["process"]), wire)
                for whose, word in self._said:
                    if whose in (None, rank):
                        _say(wire, word)
            try:
                for line in lines:
                    self._heard.put((rank, json.loads(line)))
            finally:
                with self._lock:
                    del self._open[rank]


class _Wire(socketserver.BaseRequestHandler):
    """A thread for each rank."""

    server: Wires
    request: socket.socket

    def handle(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # cut short by its end
            self.server.hear(self.request)


def _say(wire: socket.socket, word: str) -> None:
    with contextlib.suppress(OSError):  # it is gone, which is heard of otherwise
        wire.sendall(f"{word}\n".encode())


class Launch:
    """The ranks of a job on this node, from their start on; `heard` has what each says, and how it ended last."""

    def __init__(self, job: Path, size: int, heard: Heard) -> None:
        self._job, self._size, self._heard = job, size, heard
        self._folder = tempfile.TemporaryDirectory(prefix="htctl-")  # a socket's path must be short
        address = str(Path(self._folder.name) / "wires")
        self.wires = Wires(address, heard)
        self._agent = threading.Thread(target=self._run, args=(address,), daemon=True)
        self._agent.start()

    def close(self, *, kill: bool) -> None:
        """Let the ranks go, or end them; they are gone then."""
        self.wires.cut(kill=kill)
        self._agent.join()
        self._folder.cleanup()

    def _run(self, address: str) -> None:
        """A thread: have torchrun's agent start the ranks, end all when one ends badly, and say how each ended."""
        codes: dict[int, int] = {}
        try:
            safe = ["-P"] if sys.flags.safe_path else []  # what this process does not import from where it stands
            command = (*safe, "-m", "pipeline.training.rank", str(self._job), address)
            elastic_launch(self._config(), sys.executable)(*command)
        except ChildFailedError as error:
            codes = {rank: failure.exitcode for rank, failure in error.failures.items()}
        except Exception as error:
            code, said = told(error)
            trace = traceback.format_exc().rstrip()
            self._heard.put((0, {"failed": reason(said), "code": code, "follows": False, "trace": trace}))
        self.wires.shutdown()
        self.wires.server_close()  # after every last word
        for rank in sorted(range(self._size), key=lambda rank: codes.get(rank) == -signal.SIGTERM):  # by the agent
            left = ""
            with contextlib.suppress(FileNotFoundError):
                left = stacks(self._job, rank).read_text(encoding="utf-8")
            self._heard.put((rank, {"exit": codes.get(rank, 0), "stacks": left.rstrip()}))

    def _config(self) -> LaunchConfig:
        """One attempt of one node: the Job tries again, and nodes meet by themselves (`meeting.py`).

        The agent meets nobody but itself, by a file: no port is opened for it.
        """
        os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
        logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # what it says is told otherwise
        folder = self._job.parent
        return LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=self._size,
            run_id="ranks",
            rdzv_backend="c10d",
            rdzv_endpoint=str(folder / "agent"),
            rdzv_configs={"store_type": "file"},
            local_addr=LOCALHOST,
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=str(folder / "logs"), redirects=Std.OUT),
        )
