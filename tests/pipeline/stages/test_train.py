"""The stage's result and files, read from one run that all tests share; the loop has tests of its own."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from htctl import postsfiles
from pipeline.config import ENVIRONMENT, RunConfig
from pipeline.identity import bot_of, run_id
from pipeline.layout import RunKeys
from pipeline.stages import train  # noqa: F401 - what this file is about
from pipeline.store.folder import FolderStore
from tests import factories
from tests.conftest import Finished, run_pipeline


def test_the_result_tells_what_was_done(finished: Finished) -> None:
    result = json.loads(finished.store.read(finished.keys.stage("train")).data)["result"]
    assert result["epoch"] == 2
    assert result["precision"] == "fp32"
    assert result["steps"] > 5
    assert result["parameters"] > 100_000
    assert result["before"]["posts"] == result["after"]["posts"] > 10


def test_every_token_of_every_epoch_was_trained_on(finished: Finished) -> None:
    read = lambda name: json.loads(finished.store.read(finished.keys.stage(name)).data)["result"]  # noqa: E731
    dataset, result = read("dataset"), read("train")
    balanced = 2 * 2 * (dataset["tokens"] + dataset["train"]["posts"])  # two epochs, at most twice for balance
    assert dataset["tokens"] * 2 < result["tokens"] <= balanced


def test_the_loss_is_there_as_numbers_and_as_a_picture(finished: Finished) -> None:
    points = json.loads((finished.model / "loss.json").read_text())
    assert [point["step"] for point in points] == sorted(point["step"] for point in points)
    assert points[0]["loss"] > points[-1]["loss"]
    assert points[-1]["learning_rate"] < points[0]["learning_rate"]
    with Image.open(finished.model / "loss.png") as picture:
        assert picture.width > 500


@pytest.mark.slow
@pytest.mark.cold
@pytest.mark.long
def test_two_processes_go_with_the_killed_one_that_started_them_and_one_goes_on(tmp_path: Path) -> None:
    """The checkpoint of two is taken up by one, with the curve so far; then all stages follow."""
    store = FolderStore(tmp_path / "store")
    posts = postsfiles.keep(store, factories.write_posts(tmp_path / "alice.jsonl", factories.sentences(80)))

    def config(processes: int) -> RunConfig:
        settings = factories.small_settings(epochs=6, checkpoint_minutes=0)
        given = {"store": store.address, "handles": ["alice"], "posts": {"alice": posts}}
        return factories.run_config(
            **settings, **given, resources={"processes": processes}, limits={"lease_seconds": 2}
        )

    environment = {**os.environ, ENVIRONMENT: config(2).to_json(), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "pipeline"], env=environment, stderr=subprocess.PIPE, text=True)
    keys = RunKeys(bot_of(config(2)), run_id(config(2)))
    kept = tmp_path / "store" / keys.checkpoint("")
    until = time.monotonic() + 120
    while len(list(kept.glob("*.json"))) < 2 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    started = psutil.Process(process.pid).children()
    process.kill()
    left = psutil.wait_procs(started, timeout=10)[1]
    for orphan in left:
        orphan.kill()
    _, told = process.communicate()
    assert (len(started), left) == (2, []), told
    again = run_pipeline(config(1), OMP_NUM_THREADS="1")
    assert again.returncode == 0, again.stderr
    assert "train: goes on after step " in again.stderr
    points = json.loads(store.read(keys.model("loss.json")).data)
    assert [point["step"] for point in points] == list(range(1, points[-1]["step"] + 1))
    assert points[-1]["loss"] < points[0]["loss"] - 1
