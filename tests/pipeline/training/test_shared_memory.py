import shutil
from typing import Any

import pytest

from pipeline.training import shared_memory


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (64 * 2**20, ["warning: /dev/shm has 64 MiB, and NCCL may want 1,024; "]),
        (2**30, []),
    ],
)
def test_too_little_is_told_before_nccl_fails(monkeypatch: pytest.MonkeyPatch, size: int, said: list[str]) -> None:
    usage: Any = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(total=size))
    told: list[str] = []
    shared_memory.check(told.append)
    assert [line.partition("in a Job")[0] for line in told] == said


def test_where_there_is_none_nothing_is_said() -> None:
    shared_memory.check(pytest.fail, "/nowhere")
