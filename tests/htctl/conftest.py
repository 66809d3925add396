"""What tests of several files here start from."""

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with posts of alice, bob and Carol in files of their own."""
    (tmp_path / "posts").mkdir()
    for handle in ("alice", "bob", "Carol"):
        (tmp_path / "posts" / f"{handle}.jsonl").write_text('{"text": "hello"}\n')
    return tmp_path
