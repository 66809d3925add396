"""Whole runs that are tracked: W&B's files read back, a server that behaves, and servers that do not."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from htctl import postsfiles
from pipeline.config import ENVIRONMENT, RunConfig
from pipeline.identity import bot_id, run_id
from pipeline.layout import RunKeys
from pipeline.progress import Report
from pipeline.store import open_store
from pipeline.store.folder import FolderStore
from pipeline.store.objects import read_json
from pipeline.wandb.tracker import WandbTracker
from tests import factories, wandbfiles, wandbserver
from tests.conftest import run_pipeline
from tests.pipeline import contexts
from tests.wandbfiles import Recorded

TEXTS = {"Alice": factories.sentences(240), "bob": factories.sentences(60, "my dear ")}


def asked(folder: Path, texts: dict[str, list[str]], tracker: dict[str, Any], **train: Any) -> RunConfig:
    """A tracked run's config, its posts in a store."""
    store = open_store(str(folder / "store"))
    posts = {
        name.lower(): postsfiles.keep(store, factories.write_posts(folder / f"{name}.jsonl", found))
        for name, found in texts.items()
    }
    settings = {**factories.small_settings(**train), "tracker": {"wait_seconds": 1, **tracker}}
    return factories.run_config(store=store.address, handles=list(texts), posts=posts, **settings)


def keys_of(config: RunConfig) -> RunKeys:
    return RunKeys(bot_id(config.source, config.handles), run_id(config))


@pytest.fixture(scope="module")
def own_tmp() -> Iterator[str]:
    """A TMPDIR with a short path, in which no recording may be left behind."""
    with tempfile.TemporaryDirectory() as folder:
        yield folder
        assert not list(Path(folder).glob("htctl-wandb-*"))


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory, own_tmp: str) -> tuple[RunConfig, dict[str, list[Recorded]]]:
    config = asked(tmp_path_factory.mktemp("offline"), TEXTS, {"mode": "offline", "project": "mine", "entity": "us"})
    process = run_pipeline(config, WANDB_API_KEY=wandbserver.KEY, WANDB_BASE_URL="http://127.0.0.1:9", TMPDIR=own_tmp)
    assert process.returncode == 0, process.stderr
    assert "W&B" not in process.stderr
    inside = Path(config.store) / keys_of(config).tracked("")
    assert not [path for path in inside.rglob("*") if path.is_file() and wandbserver.KEY.encode() in path.read_bytes()]
    return config, wandbfiles.of_run(inside)


@pytest.mark.slow
def test_two_runs_with_the_recipe_s_names_and_types(offline: tuple[RunConfig, dict[str, list[Recorded]]]) -> None:
    config, found = offline
    ids = read_json(open_store(config.store), keys_of(config).tracker)["ids"]
    assert set(found) == {"preprocess", "train"}
    for kind, (recorded,) in found.items():
        assert recorded.run.display_name == f"@Alice-bob-{kind}"
        assert (recorded.run.run_id, recorded.run.project, recorded.run.entity) == (ids[kind], "mine", "us")
        assert recorded.run.resume
        assert recorded.exit_code == 0


@pytest.mark.slow
def test_every_artifact_of_the_recipe(offline: tuple[RunConfig, dict[str, list[Recorded]]]) -> None:
    _, found = offline
    (preprocess,), (train,) = found["preprocess"], found["train"]
    types = {name: made.type for name, made in {**preprocess.artifacts, **train.artifacts}.items()}
    assert {name: kind for name, kind in types.items() if kind != "run_table"} == {
        "tweets-alice-bob": "raw-dataset",
        "dataset-alice-bob": "train-dataset",
        "tiny": "pretrained-model",
        "alice-bob": "finetuned-model",
    }
    used = {name for run in (preprocess, train) for name, made in run.artifacts.items() if made.use_after_commit}
    assert used == {"tweets-alice-bob", "dataset-alice-bob", "tiny"}
    assert not preprocess.artifacts["dataset-alice-bob"].use_after_commit
    assert preprocess.artifacts["dataset-alice-bob"].digest == train.artifacts["dataset-alice-bob"].digest
    assert set(preprocess.files("tweets-alice-bob")) == {"tweets.txt"}
    assert set(preprocess.files("dataset-alice-bob")) == {"data_alice-bob_train.txt"}
    assert "model.safetensors" in train.files("alice-bob")
    assert all(entry.ref.startswith("htctl-store:bots/alice-bob/") for entry in train.files("alice-bob").values())


@pytest.mark.slow
def test_every_key_of_the_recipe_s_configs_and_metadata(offline: tuple[RunConfig, dict[str, list[Recorded]]]) -> None:
    _, found = offline
    (preprocess,), (train,) = found["preprocess"], found["train"]
    for recorded in (preprocess, train):
        assert recorded.config["handle"] == "Alice, bob"
        assert recorded.config["huggingtweets_version"] == "0.6"
        assert recorded.config["seed_data"] == 0
    assert train.config["pytorch_version"].startswith("2.")
    assert train.config["transformers_version"].startswith("5.")
    assert (train.config["n_layer"], train.config["model_type"]) == (2, "gpt2")
    assert (train.config["epochs"], train.config["learning_rate"], train.config["seed_trainer"]) == (2, 2e-3, 0)
    assert (train.config["inputs"], train.config["outputs"]) == (["dataset-alice-bob", "tiny"], ["alice-bob"])
    assert preprocess.metadata("tweets-alice-bob")["handle"] == "Alice, bob"
    assert preprocess.metadata("dataset-alice-bob").items() >= {
        "handle": "Alice, bob", "seed_data": 0, "epochs": 2, "huggingtweets_version": "0.6"
    }.items()  # fmt: skip
    model = train.metadata("alice-bob")
    assert model.keys() >= {"handle", "seed_data", "epochs", "huggingtweets_version", "model_url", "seed_trainer"}


@pytest.mark.slow
def test_every_metric_the_scores_and_the_table(offline: tuple[RunConfig, dict[str, list[Recorded]]]) -> None:
    config, found = offline
    (preprocess,), (train,) = found["preprocess"], found["train"]
    curve = [point for point in train.history if "train/loss" in point]
    told = {"train/loss", "train/learning_rate", "train/epoch", "train/global_step", "train/tokens_per_second"}
    assert all(point.keys() >= {*told, "device/cpu_percent"} for point in curve)
    result = read_json(open_store(config.store), keys_of(config).stage("train"))["result"]
    assert [point["train/global_step"] for point in curve] == list(range(1, result["steps"] + 1))
    assert train.summary["heldout/perplexity"] == pytest.approx(result["after"]["perplexity"])
    assert train.summary["heldout/before/perplexity"] == pytest.approx(result["before"]["perplexity"])
    assert preprocess.summary["posts/bob/kept"] == 60
    (table,) = (Path(config.store) / keys_of(config).tracked("")).rglob("examples*.table.json")
    rows = json.loads(table.read_text(encoding="utf-8"))
    assert rows["columns"] == ["Input", "Prediction"]
    assert len(rows["data"]) == 3
    (tweets,) = (Path(config.store) / keys_of(config).tracked("")).rglob("tweets.txt")
    assert list(map(len, json.loads(tweets.read_text(encoding="utf-8")))) == [240, 60]


@pytest.mark.slow
def test_online_the_runs_are_at_the_server_with_artifacts_lineage_and_metrics(tmp_path: Path, own_tmp: str) -> None:
    with wandbserver.running() as server:
        config = asked(tmp_path, TEXTS, {"mode": "online", "base_url": server.url, "wait_seconds": 60})
        process = run_pipeline(config, WANDB_API_KEY=wandbserver.KEY, TMPDIR=own_tmp)
        assert process.returncode == 0, process.stderr
    ids = read_json(open_store(config.store), keys_of(config).tracker)["ids"]
    assert server.runs[ids["preprocess"]]["exitcode"] == server.runs[ids["train"]]["exitcode"] == 0
    losses = [point for point in server.history(ids["train"]) if "train/loss" in point]
    assert len(losses) == read_json(open_store(config.store), keys_of(config).stage("train"))["result"]["steps"]
    assert all(made["committed"] for made in server.artifacts.values())
    assert {made["name"]: made["used"] for made in server.artifacts.values() if made["used"]} == {
        "tweets-alice-bob": [ids["preprocess"]],
        "dataset-alice-bob": [ids["train"]],
        "tiny": [ids["train"]],
    }
    assert server.keys == {wandbserver.KEY}
    assert f"{server.url}/me/huggingtweets/runs/{ids['train']}" in process.stderr
    assert "is kept" not in process.stderr
    assert wandbserver.KEY not in process.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "status",
    [401, 0, *(pytest.param(status, marks=pytest.mark.long) for status in (429, 500, -1))],
    ids=["401", "hangs", "429", "500", "gone"],
)
def test_a_server_that_does_not_behave_keeps_nothing_from_being_published(
    tmp_path: Path, own_tmp: str, status: int
) -> None:
    with wandbserver.running(max(status, 0)) as server:
        url = server.url if status >= 0 else "http://127.0.0.1:9"
        config = asked(tmp_path, {"alice": TEXTS["Alice"][:60]}, {"mode": "online", "base_url": url})
        process = run_pipeline(config, WANDB_API_KEY=wandbserver.KEY, TMPDIR=own_tmp)
    assert process.returncode == 0, process.stderr
    *_, published, kept = process.stderr.splitlines()  # it was published first: that waits for nobody
    assert published == "alice: published"
    assert "htctl track sync alice sends it" in kept
    if status == 401:
        assert "401" in kept
    found = wandbfiles.of_run(Path(config.store) / keys_of(config).tracked(""))
    assert [found[kind][0].exit_code for kind in ("preprocess", "train")] == [0, 0]
    card = Path(config.store) / keys_of(config).model("README.md")
    assert "Weights & Biases" not in card.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_a_run_taken_up_again_goes_on_in_the_same_runs_of_wandb(
    tmp_path: Path, own_tmp: str, signum: signal.Signals
) -> None:
    tracker = {"mode": "offline"}
    config = asked(tmp_path, {"alice": TEXTS["Alice"][:120]}, tracker, epochs=10, checkpoint_minutes=0.01)
    keys, store = keys_of(config), open_store(config.store)
    environment = {"PATH": "", "HF_HUB_OFFLINE": "1", "TMPDIR": own_tmp, ENVIRONMENT: config.to_json()}
    first = subprocess.Popen([sys.executable, "-P", "-m", "pipeline"], env=environment, stderr=subprocess.DEVNULL)
    while first.poll() is None and not list(store.list(keys.checkpoint(""))):
        time.sleep(0.05)
    os.kill(first.pid, signum)
    assert first.wait() == (75 if signum == signal.SIGTERM else -signum)
    second = run_pipeline(config, TMPDIR=own_tmp)
    assert second.returncode == 0, second.stderr
    found = wandbfiles.of_run(Path(config.store) / keys.tracked(""))
    ids = read_json(store, keys.tracker)["ids"]
    assert {kind: {one.run.run_id for one in all_} for kind, all_ in found.items()} == {
        kind: {run} for kind, run in ids.items()
    }
    assert len(found["train"]) == 2
    steps = {point["train/global_step"] for one in found["train"] for point in one.history if "train/loss" in point}
    assert steps == set(range(1, max(steps) + 1))
    assert found["train"][-1].exit_code == 0


def test_what_goes_wrong_is_said_once_and_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = contexts.make(tmp_path, {"alice": []}, tracker={"mode": "offline"})
    tracker = WandbTracker(context.config.tracker, context.store, context.keys, context.report)
    for _ in range(2):
        tracker.ended("dataset", context)  # whose result is not there
    tracker.close(False)
    assert len([line for line in context.report.said if "the run goes on without it" in line]) == 1


def test_a_process_that_cannot_be_started_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    context = contexts.make(tmp_path, {"alice": []}, tracker={"mode": "offline"})
    tracker = WandbTracker(context.config.tracker, context.store, context.keys, context.report)
    tracker.begins("train", context)
    tracker.begins("train", context)
    assert [line.partition(" ")[2][:40] for line in context.report.said] == ["warning: W&B: FileNotFoundError: [Errno "]
    assert not list(tmp_path.glob("htctl-wandb-*"))


def test_nothing_is_started_where_there_is_nothing_to_tell(store: FolderStore) -> None:
    tracker = WandbTracker(factories.run_config(tracker={"mode": "online"}).tracker, store, RunKeys("a", "r"), Report())
    tracker.measured({"step": 1})
    tracker.keep()
    tracker.close(False)
    assert tracker.feed is None
    assert list(store.list("")) == []
