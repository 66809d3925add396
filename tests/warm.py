"""A Popen whose `python` that trains comes from a server process that has loaded the libraries once.

Loading them anew takes seconds for each process, most of what a test of a small run takes. What is started this way is
a process of its own all the same: its environment, folder, streams, signals and exit code are those of a fresh one. Not
so what Python and the libraries read of the environment while they load; where that is named, and where a test is
marked `cold`, the process is a fresh one.
"""

import fcntl
import importlib
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, reduction
from pathlib import Path
from typing import Any

OF_CODE = ("pipeline.training", "pipeline.text", "from transformers")  # what `python -c` names if it loads them
HEAVY = ("pipeline", "pipeline.adoption", "pipeline.generation", "pipeline.training.rank")  # what loads them
HEAVY += ("deepspeed.checkpoint.ds_to_universal", "pipeline.wandb.process")
READ_EARLY = ("TRANSFORMERS_", "DS_", "CUDA_", "LD_")
AS_LOADED = {"DS_ACCELERATOR": "cpu"}
NAMED = {"OMP_WAIT_POLICY": "PASSIVE", "HF_HUB_OFFLINE": "1", **AS_LOADED}
PLAIN = subprocess.Popen
PYTHON = sys.executable
SERVER = forkserver._forkserver
TORCHRUN = "torch.distributed.elastic.multiprocessing.subprocess_handler.subprocess_handler"  # it has Popen for its own
HIGH = 300  # a descriptor above those that a process asks for by number


def context() -> Any:
    """Where processes come from: the server is there when this returns."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["tests.loaded"])
    before = dict(os.environ)
    os.environ.update(NAMED)
    try:
        SERVER.ensure_running()
    finally:
        os.environ.clear()
        os.environ.update(before)
    return made


def serve() -> str:
    """Start the server, which loads while others do something else; returns its address."""
    context()
    return str(SERVER._forkserver_address)  # type: ignore[attr-defined]


def follow(address: str) -> None:
    """Have processes come from a server that another process has started."""
    SERVER._forkserver_address = address  # type: ignore[attr-defined]
    SERVER.ensure_running = lambda: None  # type: ignore[method-assign]
    if SERVER._forkserver_alive_fd is None:  # type: ignore[attr-defined]
        SERVER._forkserver_alive_fd = os.open(os.devnull, os.O_RDONLY)  # type: ignore[attr-defined]


class Popen(subprocess.Popen[Any]):
    """As subprocess has it; `warm` is the process that came from the server, if this one did."""

    warm: Any = None

    def _execute_child(self, args: Any, *more: Any) -> None:
        pass_fds, cwd, env = more[3:6]
        pipes, session = more[9:15], more[-2]
        environment = dict(os.environ if env is None else env)
        if not _is_ours(args, environment):
            super()._execute_child(args, *more)  # type: ignore[misc]
            return
        theirs = [pipe if pipe >= 0 else number for number, pipe in enumerate((pipes[0], pipes[3], pipes[5]))]
        given = {
            "words": [str(word) for word in args[1:]],
            "environment": environment,
            "folder": str(cwd or Path.cwd()),
            "session": session,
            "streams": Streams(dict(enumerate(theirs)) | {number: number for number in pass_fds}),
        }
        made = context()
        given["server"] = SERVER._forkserver_address  # type: ignore[attr-defined]
        self.warm = made.Process(target=_become, kwargs=given, daemon=True)
        self.warm.start()
        self.pid, self._child_created = self.warm.pid, True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]

    def _internal_poll(self, *given: Any, **named: Any) -> int | None:
        if not self.warm:
            return super()._internal_poll(*given, **named)  # type: ignore[misc,no-any-return]
        if self.returncode is None:
            self.returncode = self.warm.exitcode
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        if not self.warm:
            return super()._wait(timeout)  # type: ignore[misc,no-any-return]
        self.warm.join(timeout)
        if self._internal_poll() is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self.returncode


class Streams:
    """Descriptors by the number that they shall have in the process that this is sent to."""

    def __init__(self, by_number: dict[int, int]) -> None:
        self.by_number = by_number

    def __reduce__(self) -> Any:
        return _Sent, ({number: reduction.DupFd(handle) for number, handle in self.by_number.items()},)


class _Sent:
    def __init__(self, by_number: dict[int, Any]) -> None:
        self.by_number = by_number

    def put(self) -> None:
        """Have them under their numbers, whatever was there."""
        aside = {number: fcntl.fcntl(sent.detach(), fcntl.F_DUPFD, HIGH) for number, sent in self.by_number.items()}
        for number, handle in aside.items():
            os.dup2(handle, number)
            os.close(handle)


def _is_ours(args: Any, environment: dict[str, str]) -> bool:
    """Whether a command is one for the server."""
    words = [] if isinstance(args, str | bytes) else [str(word) for word in args if word != "-P"]
    early = {name: value for name, value in environment.items() if name.startswith(READ_EARLY)}
    if words[:1] != [PYTHON] or any(AS_LOADED.get(name) != value for name, value in early.items()):
        return False
    return words[2] in HEAVY if words[1] == "-m" else words[1] == "-c" and any(name in words[2] for name in OF_CODE)


def _become(
    words: list[str], environment: dict[str, str], folder: str, session: bool, streams: Any, server: str
) -> None:
    """Be the process that would have been started; what it starts comes from the same server."""
    follow(server)
    _start_by(Popen)
    multiprocessing.current_process().daemon = False
    _, kind, what, *arguments = ["", *(word for word in words if word != "-P")]
    if session:
        os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    streams.put()
    sys.stdin, sys.argv, tempfile.tempdir = os.fdopen(0, closefd=False), [kind, *arguments], None
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _as_if_loaded_now(environment)
    code = 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the module may be loaded already
            if kind == "-m":
                runpy.run_module(what, run_name="__main__", alter_sys=True)
            else:
                exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        if code and not isinstance(error.code, int):
            sys.stderr.write(f"{error.code}\n")
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _as_if_loaded_now(environment: dict[str, str]) -> None:
    """What libraries drew and read when they were loaded, anew."""
    random, numpy, torch = (importlib.import_module(name) for name in ("random", "numpy", "torch"))
    importlib.reload(importlib.import_module("huggingface_hub.constants"))  # others ask it each time
    random.seed()
    numpy.random.seed()
    torch.seed()
    torch.set_num_threads(int(environment.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0))))


def _start_by(popen: Any) -> None:
    for place in (subprocess, sys.modules.get(TORCHRUN)):
        if place:
            place.Popen = popen  # type: ignore[attr-defined]


@contextmanager
def started_by(popen: Any) -> Iterator[None]:
    """A block in which `subprocess` and torchrun's library start by `Popen` from above, or by PLAIN."""
    before = subprocess.Popen
    _start_by(popen)
    try:
        yield
    finally:
        _start_by(before)
