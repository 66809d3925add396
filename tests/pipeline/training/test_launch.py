import os
import socket
from pathlib import Path
from typing import Any

import pytest

from pipeline.training import launch, rank
from pipeline.training.launch import Heard, Launch, Wires

ROOT = Path(__file__).parents[3]


def came(address: Path, who: int, process: int = 0) -> socket.socket:
    """The end of a wire that rank `who` has."""
    wire = socket.socket(socket.AF_UNIX)
    wire.settimeout(60)
    wire.connect(str(address))
    wire.sendall(f'{{"rank": {who}, "process": {process}}}\n'.encode())
    return wire


@pytest.mark.slow
def test_what_a_rank_says_and_leaves_is_heard_its_end_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "cmd")]))
    rank.stacks(tmp_path / "job.pt", 1).write_text("where it hung\n")
    heard = Heard()
    started = Launch(tmp_path / "job.pt", 2, heard)
    failed: list[tuple[int, dict[str, Any]]] = [heard.get(timeout=60), heard.get(timeout=60)]
    assert sorted(who for who, _ in failed) == [0, 1]
    assert all(message["failed"].startswith("FileNotFoundError: ") for _, message in failed)
    started.close(kill=True)
    ended = sorted((heard.get(timeout=1) for _ in range(2)), key=lambda each: each[0])
    assert [(who, message["stacks"]) for who, message in ended] == [(0, ""), (1, "where it hung")]
    assert {message["exit"] for _, message in ended} <= {-9, -15, 1}
    assert heard.empty()


def test_a_library_that_cannot_start_them_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    monkeypatch.setattr(launch, "elastic_launch", lambda *_: (_ for _ in ()).throw(OSError("no more processes")))
    Launch(tmp_path / "job.pt", 1, heard).close(kill=True)
    assert heard.get(timeout=1)[1]["failed"].endswith("no more processes")


def test_a_rank_hears_what_was_said_before_it_came_and_what_is_for_it(tmp_path: Path) -> None:
    address, heard = tmp_path / "w", Heard()
    wires = Wires(str(address), heard)
    wires.tell(rank.STOP)
    wires.tell(rank.KEPT, 1)
    ends = [came(address, who) for who in (0, 1)]
    said = [end.makefile(encoding="utf-8") for end in ends]
    assert said[0].readline() == "stop\n"
    assert [said[1].readline() for _ in range(2)] == ["stop\n", "kept\n"]
    ends[1].sendall(b'{"line": "hello"}\n')
    assert heard.get(timeout=60) == (1, {"line": "hello"})
    wires.tell("again", 0)
    assert said[0].readline() == "again\n"
    wires.cut(kill=False)
    assert [each.readline() for each in said] == ["", ""]
    late = came(address, 2)
    assert late.recv(10) == b""
    wires.shutdown()
    wires.server_close()
    assert heard.empty()
    for end in (*said, *ends, late):
        end.close()
