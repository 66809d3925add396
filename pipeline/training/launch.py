"""One of a node's training processes: started, listened to, told."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from pipeline.nodes import Node
from pipeline.training.rank import stacks

LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"  # where all are on this machine

Process = subprocess.Popen[str]
Heard = queue.SimpleQueue[tuple[int, dict[str, Any]]]


def start(job: Path, rank: int, size: int, node: Node, heard: Heard) -> Process:
    """A rank of this node; what it says and how it ends is put into `heard` by a thread."""
    ear, wire = os.pipe()
    safe = ["-P"] if sys.flags.safe_path else []  # what this process does not import from where it stands, nor do they
    environment = {
        **({"GLOO_SOCKET_IFNAME": LOOPBACK} if node.count == 1 else {}),
        "TORCH_CPP_LOG_LEVEL": "ERROR",  # PyTorch warns at every try of a name that nobody knows yet
        **os.environ,
        "RANK": str(node.index * size + rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(node.count * size),
    }
    try:
        process = subprocess.Popen(
            [sys.executable, *safe, "-m", "pipeline.training.rank", str(job), str(rank), str(size), str(wire)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[wire],
            start_new_session=True,  # Ctrl-C on a terminal is for the process that started it
            text=True,
        )
    except BaseException:
        os.close(ear)
        raise
    finally:
        os.close(wire)
    threading.Thread(target=_hear, args=(process, rank, ear, heard, stacks(job, rank)), daemon=True).start()
    return process


def _hear(process: Process, rank: int, ear: int, heard: Heard, stacks: Path) -> None:
    """A thread: put each message of a rank into the queue, its end last, with what its watchdog left."""
    with os.fdopen(ear, encoding="utf-8") as lines:
        for line in lines:
            with contextlib.suppress(ValueError):  # cut short by its end
                heard.put((rank, json.loads(line)))
    code, left = process.wait(), ""
    with contextlib.suppress(FileNotFoundError):  # it left none, or the training is over and its folder gone
        left = stacks.read_text(encoding="utf-8")
    heard.put((rank, {"exit": code, "stacks": left.rstrip()}))


def tell(process: Process, word: str) -> None:
    """Say a word to a rank."""
    with contextlib.suppress(OSError):  # it is gone, which is heard of otherwise
        print(word, file=process.stdin, flush=True)
