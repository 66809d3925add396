import contextlib
import os
from pathlib import Path
from typing import Any

import pytest

from pipeline.nodes import ALONE
from pipeline.training import launch, rank

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_what_a_rank_says_and_leaves_is_heard_its_end_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "cmd")]))
    rank.stacks(tmp_path / "job.pt", 1).write_text("where it hung\n")
    heard = launch.Heard()
    process = launch.start(tmp_path / "job.pt", 1, 2, ALONE, heard)
    assert process.stdin
    messages: list[tuple[int, dict[str, Any]]] = [heard.get(timeout=60), heard.get(timeout=60)]
    assert [who for who, _ in messages] == [1, 1]
    assert messages[0][1]["failed"].startswith("FileNotFoundError: ")
    assert messages[1][1] == {"exit": 1, "stacks": "where it hung"}
    launch.tell(process, rank.STOP)  # it is gone, which is no fault
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
