"""Training that is stopped in any way goes on to the very bot that it would have been."""

import dataclasses
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.config import ENVIRONMENT
from pipeline.errors import StoreError
from pipeline.nodes import Node
from pipeline.stage import Context
from pipeline.store.folder import FolderStore
from pipeline.training import checkpoints
from pipeline.training.checkpoints import Checkpoints
from tests import factories
from tests.conftest import Finished, make_run
from tests.pipeline import contexts

SETTINGS = factories.small_settings(epochs=6, choose="best", checkpoint_minutes=0)


class Engine:
    """An engine whose whole state is one number."""

    def __init__(self, number: int) -> None:
        self.number = number

    def save_checkpoint(self, folder: str, tag: str) -> None:
        path = Path(folder, tag)
        path.mkdir(parents=True)
        (path / "number").write_text(str(self.number))

    def load_checkpoint(self, folder: str, tag: str) -> None:
        self.number = int(Path(folder, tag, "number").read_text())


def keep(kept: Checkpoints, step: int, best: Path) -> None:
    kept.save(Engine(step), {"done": step}, best)
    kept.settle()


class Away(FolderStore):
    """A store that is away until somebody says that it is there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.back, self.error = threading.Event(), ""

    def upload(self, path: Path, key: str) -> None:
        assert self.back.wait(60)
        if self.error:
            raise StoreError(self.error)
        super().upload(path, key)


def away(folder: Path) -> tuple[Context, Away]:
    context = contexts.make(folder, {"alice": []})
    store = Away(folder / "store")
    return dataclasses.replace(context, store=store), store


def test_the_newest_complete_one_is_put_back_and_the_last_two_are_kept(tmp_path: Path) -> None:
    context = contexts.make(tmp_path, {"alice": []})
    kept, best = Checkpoints(context), tmp_path / "best"
    assert kept.load(Engine(0), best) is None
    for step in (5, 10, 15):
        keep(kept, step, best)
    engine = Engine(0)
    assert kept.load(engine, best) == {"done": 15}
    assert engine.number == 15
    names = {entry.key.split("/checkpoints/")[1].split("/")[0] for entry in context.store.list("bots/")}
    assert names == {"000000010", "000000010.json", "000000015", "000000015.json"}


def test_one_whose_marker_is_not_there_counts_for_nothing(tmp_path: Path) -> None:
    context = contexts.make(tmp_path, {"alice": []})
    kept, best = Checkpoints(context), tmp_path / "best"
    for step in (5, 10):
        keep(kept, step, best)
    context.store.delete(context.keys.checkpoint("000000010.json"))
    engine = Engine(0)
    assert kept.load(engine, best) == {"done": 5}
    assert engine.number == 5
    keep(kept, 12, best)
    assert not list(context.store.list(context.keys.checkpoint("000000010/")))
    kept.clear()
    assert kept.load(engine, best) is None


def test_the_training_goes_on_while_one_is_uploaded_and_the_next_waits_for_it(tmp_path: Path) -> None:
    context, store = away(tmp_path)
    kept, best, progress = Checkpoints(context), tmp_path / "best", {"done": 5, "history": [5]}
    kept.save(Engine(5), progress, best)
    progress["history"].append(6)  # it goes on
    assert checkpoints.complete(context.store, context.keys) == []
    threading.Timer(0.2, store.back.set).start()
    kept.save(Engine(10), {"done": 10}, best)
    assert "000000005" in checkpoints.complete(context.store, context.keys)
    kept.settle()
    context.store.delete(context.keys.checkpoint("000000010.json"))
    engine = Engine(0)
    assert kept.load(engine, best) == {"done": 5, "history": [5]}
    assert engine.number == 5


def test_what_went_wrong_with_an_upload_is_raised_before_the_next(tmp_path: Path) -> None:
    context, store = away(tmp_path)
    store.error = "the disk is full"
    store.back.set()
    kept = Checkpoints(context)
    kept.save(Engine(5), {"done": 5}, tmp_path / "best")
    with pytest.raises(StoreError, match="the disk is full"):
        kept.save(Engine(10), {"done": 10}, tmp_path / "best")
    store.error = ""
    keep(kept, 10, tmp_path / "best")
    assert checkpoints.complete(context.store, context.keys) == ["000000010"]


def test_one_that_is_parted_over_nodes_is_complete_when_each_node_s_part_is_there(tmp_path: Path) -> None:
    context = contexts.make(tmp_path, {"alice": []})
    other = dataclasses.replace(context, scratch=tmp_path / "other")
    first, second, progress = Checkpoints(context), Checkpoints(other), {"done": 5, "zero": 2}
    for kept, name in ((first, "one"), (second, "two")):
        (kept.folder / "engine").mkdir(parents=True)
        (kept.folder / "engine" / name).write_text(name)
    first.send(progress, Node(0, 2, "here", 1))
    time.sleep(0.2)
    assert checkpoints.complete(context.store, context.keys) == []
    second.send(progress, Node(1, 2, "here", 1))
    second.settle()
    first.settle()
    assert checkpoints.complete(context.store, context.keys) == ["000000005"]
    found = first.newest()
    assert found
    assert sorted(first._files("000000005")) == ["engine/one", "engine/two", "node-1"]


def test_what_nodes_left_of_one_that_was_never_complete_is_not_taken_for_the_next_s(tmp_path: Path) -> None:
    context = contexts.make(tmp_path, {"alice": []})
    keep(Checkpoints(context), 5, tmp_path / "best")
    context.store.write(context.keys.checkpoint("000000010/node-1"), b"")
    Checkpoints(context).tidy()
    assert not list(context.store.list(context.keys.checkpoint("000000010/")))
    assert checkpoints.complete(context.store, context.keys) == ["000000005"]


@pytest.mark.parametrize("harm", ["gone", "short"])
def test_one_of_which_something_is_missing_is_passed_over(tmp_path: Path, harm: str) -> None:
    context = contexts.make(tmp_path, {"alice": []})
    kept, best = Checkpoints(context), tmp_path / "best"
    for step in (5, 10):
        keep(kept, step, best)
    torn = context.keys.checkpoint("000000010/engine/number")
    if harm == "gone":
        context.store.delete(torn)
    else:
        context.store.write(torn, b"1")
    engine = Engine(0)
    assert kept.load(engine, best) == {"done": 5}
    assert engine.number == 5
    assert context.report.said[-1].endswith("train: not all of checkpoint 000000010 is there; the one before it counts")


def test_the_best_weights_so_far_come_back(tmp_path: Path) -> None:
    context = contexts.make(tmp_path, {"alice": []})
    best, elsewhere = tmp_path / "best", tmp_path / "elsewhere"
    best.mkdir()
    (best / "model.safetensors").write_bytes(b"weights")
    keep(Checkpoints(context), 5, best)
    Checkpoints(context).load(Engine(0), elsewhere)
    assert (elsewhere / "model.safetensors").read_bytes() == b"weights"


def test_every_random_state_goes_on_where_it_was_and_so_do_the_threads() -> None:
    def draw() -> tuple[Any, ...]:
        return torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random(), random.gauss(0, 1)

    draw()
    threads = torch.get_num_threads()
    states = checkpoints._random_states()
    first = draw()
    draw()
    torch.set_num_threads(threads + 1)
    checkpoints._restore(states)
    assert draw() == first
    assert torch.get_num_threads() == threads


def test_a_number_of_threads_is_for_as_many_processes_as_it_was_of() -> None:
    threads = torch.get_num_threads()
    states = checkpoints._random_states(2)
    assert "processes" not in checkpoints._random_states()
    torch.set_num_threads(threads + 1)
    checkpoints._restore(states)
    assert torch.get_num_threads() == threads + 1
    checkpoints._restore(states, 2)
    assert torch.get_num_threads() == threads


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    run = make_run(tmp_path_factory.mktemp("unbroken"), {"alice": factories.sentences(200)}, SETTINGS)
    assert run.process.returncode == 0, run.process.stderr
    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signum", "code", "says"),
    [
        pytest.param(signal.SIGINT, 130, "stopped; the same command goes on from here", marks=pytest.mark.long),
        (signal.SIGTERM, 75, "error: stopped on SIGTERM, training is kept at step "),
        (signal.SIGKILL, -9, ""),
    ],
)
def test_a_stopped_training_ends_as_the_unbroken_one(
    unbroken: Finished, tmp_path: Path, signum: int, code: int, says: str
) -> None:
    """To the bit: the weights, and the curve, whatever the moment; a checkpoint is kept after every step here."""
    store = FolderStore(tmp_path / "store")
    files = {"alice": unbroken.config.posts["alice"]}
    config = factories.run_config(**SETTINGS, store=store.address, handles=["alice"], posts=files)
    for name in ("data", "index.json"):
        key = f"posts/file/{files['alice']}/{name}"
        store.write(key, unbroken.store.read(key).data)
    environment = {**os.environ, ENVIRONMENT: config.to_json()}
    process = subprocess.Popen([sys.executable, "-m", "pipeline"], env=environment, stderr=subprocess.PIPE, text=True)
    folder = Path(store.address, "bots", "alice", "runs", unbroken.keys.run, "checkpoints")
    for _ in range(600):
        if len(list(folder.glob("*.json"))) == 2:
            break
        time.sleep(0.05)
    time.sleep(random.uniform(0, 0.5))
    process.send_signal(signum)
    _, told = process.communicate()
    assert process.returncode == code, told
    assert says in told
    again = subprocess.run(
        [sys.executable, "-m", "pipeline"], env=environment, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    kept = re.search(r"training is kept at step (\d+) ", told)
    assert f"train: goes on after step {kept[1] if kept else ''}" in again.stderr
    assert kept or signum != signal.SIGTERM
    model = folder.parent / "model"
    for name in ("model.safetensors", "loss.json"):
        assert (model / name).read_bytes() == (unbroken.model / name).read_bytes()
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_how_often_a_checkpoint_is_kept_does_not_make_another_run() -> None:
    often = factories.run_config(train={"checkpoint_minutes": 0.1})
    assert often.fingerprint() == factories.run_config().fingerprint()
