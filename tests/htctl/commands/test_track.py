import json
import shutil
from pathlib import Path

import pytest

from pipeline.layout import RunKeys
from pipeline.store.folder import FolderStore
from tests import wandbserver
from tests.htctl.runner import htctl
from tests.pipeline.wandb.test_process import BEGIN, record

KEYS = RunKeys("alice", "r1")


def test_nothing_to_send_needs_no_key(store: FolderStore) -> None:
    ran = htctl("track", "sync", "--store", store.address)
    assert (ran.code, ran.err) == (0, "W&B has all that was recorded\n")


def test_another_word_than_sync_is_a_usage_error(store: FolderStore) -> None:
    ran = htctl("track", "fetch", "--store", store.address)
    assert (ran.code, ran.err) == (2, "error: htctl track fetch: must be htctl track sync [BOT...]\n")


def test_without_a_key_it_says_where_one_is(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    store.write(KEYS.tracked("a/wandb/offline-run-1-1/run-1.wandb"), b"")
    ran = htctl("track", "sync", "--store", store.address)
    assert ran.code == 2
    assert "WANDB_API_KEY is not set" in ran.err


@pytest.mark.slow
def test_a_recording_is_sent_once_by_wandb_s_own_uploader(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "htctl-wandb-abc"
    folder.mkdir()
    part = {"tweets.txt": {"form": "posts", "sources": []}}
    artifact = {
        "do": "artifact",
        "name": "tweets-a",
        "type": "raw-dataset",
        "metadata": {},
        "used": True,
        "parts": part,
    }
    table = {"do": "table", "name": "examples", "columns": ["Input", "Prediction"], "rows": [["a", "a b"]]}
    log = {"do": "log", "data": {"train/loss": 1.5, "train/global_step": 1}}
    record(folder, BEGIN, artifact, log, table, {"do": "finish", "whole": True})
    for path in [*folder.glob("wandb/offline*/**/*"), *folder.glob("data/**/*"), *folder.glob("artifacts/**/*")]:
        if path.is_file():
            store.upload(path, KEYS.tracked(f"a/{path.relative_to(folder).as_posix()}"))
    store.write(KEYS.tracked("a/attempt.json"), json.dumps({"folder": str(folder)}).encode())
    shutil.rmtree(folder)
    with wandbserver.running() as server:
        monkeypatch.setenv("WANDB_API_KEY", wandbserver.KEY)
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        first, second = (htctl("track", "sync", "--store", store.address) for _ in range(2))
    assert (first.code, second.code) == (0, 0), first.err
    assert f"{server.url}/me/p/runs/1234" in first.out
    assert second.err == "W&B has all that was recorded\n"
    assert [point.get("train/loss") for point in server.history("1234")] == [1.5, None]
    assert {made["name"]: made["committed"] for made in server.artifacts.values()} == {
        "tweets-a": True, "run-1234-examples": True
    }  # fmt: skip
    assert any(name.endswith("tweets.txt") for name in server.files)
    assert any(name.endswith("examples.table.json") for name in server.files)
