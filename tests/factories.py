"""Values with sensible defaults: a test states only what it is about."""

import json
import zipfile
from pathlib import Path
from typing import Any

from pipeline import schema
from pipeline.config import RunConfig
from pipeline.posts import Post

SMALL = {"epochs": 2, "block_size": 64, "batch_size": 4, "learning_rate": 2e-3, "precision": "fp32", "choose": "last"}


def post(text: str = "the weather is fine today", **changes: Any) -> Post:
    return Post(**{"id": "", "text": text, "created_at": "", "lang": "", "retweet": False, **changes})


def run_config(**changes: Any) -> RunConfig:
    given = {"batch": "test", "store": "unused", "handles": ["alice"], "base_model": "tiny", **changes}
    return schema.build(RunConfig, given)


def small_settings(**train: Any) -> dict[str, Any]:
    """Settings with which a run of all stages takes seconds."""
    return {
        "base_model": "tiny",
        "clean": {"min_characters": 100},
        "train": {**SMALL, **train},
        "generate": {"samples": 3, "copies": 4, "max_length": 24},
    }


def sentences(count: int, seed: str = "") -> list[str]:
    """Different sentences, no two of them nearly the same."""
    things = ["kettle", "harbour", "pigeon", "ladder", "violin", "cellar", "lantern", "barrel", "thistle", "anchor"]
    doings = ["sings under", "forgets", "paints", "argues with", "borrows", "mends", "polishes", "follows", "weighs"]
    times = ["at dawn", "on Mondays", "all winter", "before tea", "in the rain", "without asking", "twice a week"]
    return [
        f"{seed}{things[i % 10]} number {_words(i)} {doings[i % 9]} the {things[(i * 7 + i // 10) % 10]} {times[i % 7]}"
        for i in range(count)
    ]


def write_posts(path: Path, texts: list[str], **fields: Any) -> Path:
    """A file of X API v2 objects, one a line."""
    lines = (json.dumps({"id": str(1000 + i), "text": text, **fields}) for i, text in enumerate(texts))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def tweet(text: str = "the weather is fine today", **fields: Any) -> dict[str, Any]:
    """A post as X's archive holds it, in its wrapper."""
    made = {"id_str": "1", "created_at": "Wed Oct 10 20:19:24 +0000 2018", "full_text": text, "retweeted": False}
    return {"tweet": {**made, **fields}}


def assignment(items: Any, name: str = "tweets", part: int = 0, end: str = "") -> str:
    """A file of X's archive: JSON that JavaScript takes in."""
    return f"window.YTD.{name}.part{part} = {json.dumps(items, indent=2)}{end}"


def write_archive(path: Path, members: dict[str, str | bytes]) -> Path:
    """An archive as a zip, or unpacked where `path` is not called one."""
    if path.suffix != ".zip":
        for name, content in members.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return path
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def _words(number: int) -> str:
    digits = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    return " ".join(digits[int(digit)] for digit in str(number))
