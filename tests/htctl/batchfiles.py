"""Batch files that tests write."""

from pathlib import Path
from typing import Any

import pytest

from htctl import batchfile
from htctl.batch import Batch
from pipeline.errors import ConfigError

HEAD = "defaults: {source: jsonl, posts: 'posts/{handle}.jsonl', base_model: tiny}\n"


def load(folder: Path, text: str, **overrides: Any) -> Batch:
    """The batch of a file with this text."""
    path = folder / "bots.yaml"
    path.write_text(text, encoding="utf-8")
    return batchfile.load(path, overrides)


def problems(folder: Path, text: str, **overrides: Any) -> list[str]:
    """What is said of a file with this text, paths from the folder on."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text, **overrides)
    return str(caught.value).replace(f"{folder}/", "").split("\n       ")
