import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from htctl import recordings
from pipeline.wandb import feed
from tests import wandbfiles, wandbserver

BEGIN = {"do": "begin", "kind": "train", "id": "1234", "name": "@a-train", "job_type": "train", "project": "p",
         "entity": "", "config": {"a": 1}}  # fmt: skip

pytestmark = pytest.mark.slow


def start(folder: Path, *arguments: str, base_url: str = "") -> "subprocess.Popen[str]":
    environment = {"PATH": os.environ["PATH"], "WANDB_API_KEY": wandbserver.KEY}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "pipeline.wandb.process", *arguments],
        env=feed.environment(folder, base_url, environment),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        stderr=None if arguments[0] == "record" else subprocess.STDOUT,
    )  # fmt: skip


def record(folder: Path, *commands: dict[str, Any]) -> list[dict[str, Any]]:
    """Commands to their end; returns what the process said."""
    process = start(folder, "record", str(folder), "offline", "1")
    out, _ = process.communicate("".join(json.dumps(command) + "\n" for command in commands))
    return [json.loads(line) for line in out.splitlines()]


def test_a_command_that_wandb_refuses_is_told_and_the_next_is_taken(tmp_path: Path) -> None:
    wrong = {"do": "artifact", "name": "a/b", "type": "t", "metadata": {}, "used": False, "parts": {}}
    said = record(tmp_path, BEGIN, wrong, {"do": "log", "data": {"train/loss": 1.5}}, {"do": "finish", "whole": True})
    assert any("Artifact name" in line.get("failed", "") for line in said)
    assert [line["done"] for line in said if "done" in line] == [1, 2, 3, 4]
    (found,) = wandbfiles.of_run(tmp_path)["train"]
    assert (found.history[0]["train/loss"], found.exit_code) == (1.5, 0)


def test_commands_that_end_early_leave_a_sound_recording(tmp_path: Path) -> None:
    said = record(tmp_path, BEGIN, {"do": "log", "data": {"train/loss": 1.5}})
    assert said[-1] == {"closed": True}
    (found,) = wandbfiles.of_run(tmp_path)["train"]
    assert (len(found.history), found.exit_code) == (1, 1)


@pytest.mark.parametrize(("beyond", "told"), [(0, "Finished syncing"), (9, recordings.CUT_OFF)])
def test_a_recording_that_is_cut_off_is_sent_as_far_as_it_goes(tmp_path: Path, beyond: int, told: str) -> None:
    """After a record and within one; what wandb says of the latter tells htctl track sync that this is all."""
    record(tmp_path, BEGIN, *({"do": "log", "data": {"train/loss": float(n)}} for n in range(50)))
    (path,) = tmp_path.glob("wandb/offline-*/*.wandb")
    data = path.read_bytes()
    ends = [end for end, _, _ in wandbfiles.parts(data)]
    path.write_bytes(data[: ends[len(ends) // 2] + beyond])
    with wandbserver.running() as server:
        process = start(tmp_path, "sync", str(path.parent), base_url=server.url)
        said = process.stdout.read()  # type: ignore[union-attr]
        assert process.wait() == 0
    assert 0 < len(server.history("1234")) < 50
    assert told in said
    assert (path.with_name(path.name + recordings.SYNCED)).exists() == (beyond == 0)


def test_an_uploader_that_nobody_holds_any_more_ends(tmp_path: Path) -> None:
    record(tmp_path, BEGIN)
    (folder,) = tmp_path.glob("wandb/offline-*")
    with wandbserver.running(0) as server:
        process = start(tmp_path, "follow", str(folder), base_url=server.url)
        while not server.asked:
            assert process.poll() is None
        process.stdin.close()  # type: ignore[union-attr]
        assert process.wait(60) == 75
