import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.wandb.follow import Follower


def uploader(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> list[dict[str, Any]]:
    """A program in the uploader's place; what its follower says goes into the list."""
    made = folder / "uploader"
    made.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    made.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(made))
    return []


def test_where_the_run_is_shown_and_that_all_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f"echo 'wandb: View run @a-train at http://w/me/p/runs/1'; touch {tmp_path}/run-1.wandb.synced"
    said = uploader(tmp_path, monkeypatch, script)
    Follower(tmp_path, "train", lambda **what: said.append(what), None).end(60)
    assert said == [
        {"shown": "train", "url": "http://w/me/p/runs/1"}, {"left": "train"}, {"synced": tmp_path.name}
    ]  # fmt: skip


def test_why_it_was_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = uploader(tmp_path, monkeypatch, "echo 'setting up'; echo 'wandb: ERROR returned error 401: no'; echo bye")
    Follower(tmp_path, "train", lambda **what: said.append(what), None).end(60)
    assert said[-1] == {"unsent": tmp_path.name, "why": "returned error 401: no"}


def test_one_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = uploader(tmp_path, monkeypatch, "exec sleep 600")
    follower = Follower(tmp_path, "train", lambda **what: said.append(what), None)
    follower.end(0.2)
    assert said[-1] == {"unsent": tmp_path.name, "why": "it has not answered"}
    assert isinstance(follower.process, subprocess.Popen)
    assert follower.process.wait(60) != 0


def test_the_second_waits_for_the_first_whose_artifacts_it_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = uploader(tmp_path, monkeypatch, "sleep 0.2")
    first = Follower(tmp_path, "preprocess", lambda **what: said.append(what), None)
    Follower(tmp_path, "train", lambda **what: said.append(what), first).end(60)
    assert said[:2] == [{"left": "preprocess"}, {"left": "train"}]
