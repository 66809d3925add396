import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.training import rank
from pipeline.training.group import Group

LISTENS = """
import sys
import threading
from pipeline.training.rank import Ears
ears = Ears(sys.stdin)
ears.kept.clear()
ears.done = {done}
ears.stop = lambda: print("asked to stop", flush=True)
print("ready", flush=True)
ears.kept.wait()
print("kept", ears.stopped, flush=True)
threading.Event().wait()
"""


@pytest.mark.parametrize(("done", "code"), [("False", 1), ("True", 0)])
def test_a_rank_hears_what_it_is_told_and_ends_with_who_tells_it(done: str, code: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENS.format(done=done)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    for word, answers in (("", ["ready"]), ("stop\n", ["asked to stop"]), ("kept\n", ["kept True"])):
        process.stdin.write(word)
        process.stdin.flush()
        assert [process.stdout.readline().strip() for _ in answers] == answers
    process.communicate(timeout=60)
    assert process.returncode == code


@pytest.mark.slow
def test_what_goes_wrong_is_said_on_the_wire(tmp_path: Path) -> None:
    job, address = str(tmp_path / "job.pt"), str(tmp_path / "w")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.training.rank", job, address],
            env={**os.environ, "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"},
        )
        wire, _ = listening.accept()
    with wire, wire.makefile(encoding="utf-8") as lines:
        assert json.loads(lines.readline()) == {"rank": 1, "process": process.pid}
        message = json.loads(lines.readline())
        assert process.poll() is None  # it waits to be let go
        wire.shutdown(socket.SHUT_RDWR)
    assert process.wait(60) == message["code"] == 1
    assert message["failed"].startswith("FileNotFoundError: ")
    assert job in message["failed"]
    assert message["trace"].startswith("Traceback")
    assert message["follows"] is False


def test_a_report_is_told_whole() -> None:
    told: list[dict[str, Any]] = []
    voice = rank.Voice(told.append)
    voice.line("a line")
    voice.measured({"step": 1})
    with voice.bar("train", 10, "tokens") as bar:
        voice.now |= {"step": 1}
        bar.advance(5, "loss 2.00")
    assert told == [
        {"line": "a line"},
        {"measured": {"step": 1}},
        {"advance": 5, "note": "loss 2.00", "now": {"step": 1}},
    ]


def test_without_a_checkpoint_a_training_begins(tmp_path: Path) -> None:
    assert rank.Kept(Group(), None, print, tmp_path, None, 0).load(None, tmp_path) is None  # type: ignore[arg-type]
