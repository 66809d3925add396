"""Several processes that train one model: the same training, stopped and failing as one process would."""

import contextlib
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline import errors, stopping
from pipeline.progress import Report
from pipeline.settings import Limits, Resources, Train
from pipeline.training import ranks, tiny
from pipeline.training.checkpoints import Checkpoints
from pipeline.training.heldout import Score
from pipeline.training.packing import PackedPosts
from pipeline.training.trainer import Trainer
from tests import factories
from tests.pipeline import contexts

SETTINGS = Train(epochs=1, batch_size=4, block_size=16, learning_rate=1e-2, precision="fp32", checkpoint_minutes=60)
ROOT = Path(__file__).parents[3]


class Posts(PackedPosts):
    """A stream of 20 posts, about ten steps long; the last has fewer blocks than there may be processes."""

    def __init__(self, epochs: int = 1) -> None:
        drawn = np.random.default_rng(0).integers(1, 11, 600).astype(np.int32)
        super().__init__(drawn, np.arange(0, 601, 30), np.zeros(20, int), end=0, epochs=epochs, seed=0)


class Slow(Posts):
    """The same in steps long enough to be told to stop before the last one."""

    def batch(self, step: int, count: int, size: int) -> Any:
        time.sleep(0.1)
        return super().batch(step, count, size)


class Cursed(Posts):
    """In rank 1 something happens when a block is read, by default the fifth step's first."""

    def __init__(self, curse: Callable[[], None], cursed: int = 16) -> None:
        super().__init__()
        self.curse, self.cursed = curse, cursed

    def block(self, index: int, size: int) -> Any:
        if os.environ.get("RANK") == "1" and index == self.cursed:
            self.curse()
        return super().block(index, size)


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wrong() -> None:
    """Rank 0 finds itself alone a second before the reason is heard."""
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(link.name))) as found:
            found.getpeername()  # else it is one that listens
            if found.family != socket.AF_UNIX:  # by which the reason will be told
                found.shutdown(socket.SHUT_RDWR)
    time.sleep(1)
    raise RuntimeError("a post that nobody can read")


def stuck() -> None:
    time.sleep(1000)


def given_up() -> None:
    """As the watchdog ends a rank, long before that of rank 0 would."""
    Path(sys.argv[1]).with_name("stacks-1").write_text("in given_up\n")
    os._exit(1)


def refused() -> None:
    raise errors.TooFewPostsError("too few posts for rank 1")


class Loss:
    """A score that the model itself decides."""

    def __call__(self, model: Any) -> Score:
        return Score(float(next(model.parameters()).double().norm()), tokens=1, posts=1, bytes=1)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "cmd")]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def made(folder: Path, posts: PackedPosts | None = None, dropout: float = 0.1, **settings: Any) -> Trainer:
    model = tiny.model(vocabulary=16, end=0, positions=16, seed=0)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
    return Trainer(model, posts or Posts(), Train(**{**vars(SETTINGS), **settings}), folder / "trained", None)


def losses(trainer: Trainer) -> list[float]:
    return [point["loss"] for point in trainer.history if "loss" in point]


@pytest.mark.slow
def test_the_losses_are_the_same_in_one_process_two_and_four(tmp_path: Path) -> None:
    """As many as one step has blocks, and more than the last one has; facts of DeepSpeed's stages agree to 1e-5 too."""
    told = {}
    for size in (1, 2, 4):
        folder = tmp_path / str(size)
        trainer, report = made(folder, dropout=0.0), Report()
        points: list[float] = []
        report.measured = lambda point, points=points: points.append(point["loss"])  # type: ignore[misc]
        ranks.train(trainer, size, report, folder)
        assert trainer.done == trainer.steps == 10
        assert trainer.tokens == 620
        assert points == losses(trainer)
        assert report.now["step"] == 10
        assert (folder / "trained" / "model.safetensors").exists()
        assert not (folder / "ranks").exists()
        told[size] = losses(trainer)
    assert told[1][0] > told[1][-1] + 0.1
    assert told[2] == pytest.approx(told[1], abs=1e-5)
    assert told[4] == pytest.approx(told[1], abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "posts", "code", "says"),
    [
        ("0", Cursed(killed), 1, "rank 1 of 2: killed (SIGKILL), perhaps for want of memory"),
        ("0", Cursed(wrong), 1, "rank 1 of 2: RuntimeError: a post that nobody can read"),
        ("3", Cursed(wrong, 0), 1, "rank 1 of 2: RuntimeError: a post that nobody can read"),
        ("0", Cursed(refused), 65, "too few posts for rank 1"),
    ],
)
def test_a_rank_that_fails_ends_all_and_is_the_reason(
    tmp_path: Path, stage: str, posts: Cursed, code: int, says: str
) -> None:
    """At stage 3, where the weights for the first step travel, the other misses it in what DeepSpeed does."""
    began = time.monotonic()
    with pytest.raises(errors.HtctlError) as caught:
        ranks.train(made(tmp_path, posts, zero_stage=stage, micro_batch=1), 2, Report(), tmp_path)
    assert (caught.value.exit_code, str(caught.value)) == (code, says)
    assert time.monotonic() - began < 60


@pytest.mark.slow
def test_a_rank_that_hangs_shows_where_and_the_job_tries_again(tmp_path: Path) -> None:
    report, limits = Report(), Limits(step_minutes=0.1)
    with pytest.raises(errors.TryLaterError, match=r"rank [01] of 2 hangs: no step has ended within limits"):
        ranks.train(made(tmp_path, Cursed(stuck)), 2, report, tmp_path, limits=limits)
    said = next(line for line in report.said if "in stuck\n" in line)
    assert re.search(
        r" rank 1 of 2(?: hangs: .*|: killed \(SIGTERM\)):\n", said
    )  # whose watchdog comes first is chance


@pytest.mark.slow
def test_where_a_rank_hangs_the_stacks_of_those_that_wait_for_it_are_shown_too(tmp_path: Path) -> None:
    report = Report()
    with pytest.raises(errors.TryLaterError, match="rank 1 of 2 hangs"):
        ranks.train(made(tmp_path, Cursed(given_up)), 2, report, tmp_path)
    hung, waiting = report.said[-2:]
    assert hung.endswith("its stacks are in the log:\nin given_up")
    assert re.search(r" rank 0 of 2: killed \(SIGTERM\):\n| rank 0 of 2 lost the others: ", waiting)
    assert re.search(r'File ".*", line .*', waiting)


@pytest.mark.slow
def test_a_stopped_training_ends_as_the_unbroken_one(tmp_path: Path) -> None:
    """To the bit, with dropout and an early stop's epochs, at two processes."""

    def run(name: str, report: Report, context: Any, posts: Posts) -> Trainer:
        trainer = made(tmp_path / name, posts, epochs=2)
        trainer.validate = Loss()
        ranks.train(trainer, 2, report, context.scratch, Checkpoints(context))
        return trainer

    before = signal.getsignal(signal.SIGTERM)
    context = contexts.make(tmp_path / "stopped", {"alice": []}, **factories.small_settings())
    other = contexts.make(tmp_path / "unbroken", {"alice": []}, **factories.small_settings())
    report = Report()
    report.measured = lambda point: os.kill(os.getpid(), signal.SIGTERM) if point["step"] == 12 else None
    with pytest.raises(
        errors.TryLaterError, match=r"stopped on SIGTERM, training is kept at step 1[2-9] of 20"
    ) as told:
        run("stopped", report, context, Slow(epochs=2))
    assert signal.getsignal(signal.SIGTERM) is before
    report.measured = lambda _: None
    posts = Posts(epochs=2)
    again, unbroken = run("again", report, context, posts), run("unbroken", Report(), other, posts)
    kept = str(told.value).partition("kept at ")[2]
    assert [line for line in report.said if f"goes on after {kept}" in line]
    assert again.history == unbroken.history
    assert [point["epoch"] for point in again.history if "epoch" in point] == [1, 2]
    weights = "trained/model.safetensors"
    assert (tmp_path / "again" / weights).read_bytes() == (tmp_path / "unbroken" / weights).read_bytes()


def heard(*messages: tuple[int, dict[str, Any]]) -> ranks.Ranks:
    """Two ranks without processes, of which so much was heard."""
    found = ranks.Ranks(2)
    for message in messages:
        found.heard.put(message)
        found.look(None, stopping.Stop(), None, Report(), None)  # type: ignore[arg-type]
    return found


def test_what_ends_when_all_is_done_is_no_fault() -> None:
    found = heard((0, {"done": {"done": 3}}), (1, {"done": {"done": 2}}), (1, {"exit": -6}))
    assert found.over
    found.failures.check(stopping.Stop(), Report())
    assert found.progress == {"done": 3}
    assert not heard((0, {"done": {}})).over
    ended = heard((0, {"exit": 0}))
    with pytest.raises(errors.HtctlError, match="rank 0 of 2: ended by itself with exit code 0"):
        ended.failures.check(stopping.Stop(), Report())


def test_there_are_as_many_as_gpus_or_as_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks.engine, "device", lambda: "cpu")
    assert ranks.wanted(Resources()) == 1
    assert ranks.wanted(Resources(gpus=4, processes=2)) == 2
    monkeypatch.setattr(ranks.engine, "device", lambda: "cuda")
    monkeypatch.setattr(ranks.torch.cuda, "device_count", lambda: 4)
    assert ranks.wanted(Resources(gpus=0, processes=2)) == 1
    assert ranks.wanted(Resources(gpus=4, processes=2)) == 4
    with pytest.raises(errors.ConfigError, match=r"resources\.gpus is 8, but this machine has 4"):
        ranks.wanted(Resources(gpus=8))
