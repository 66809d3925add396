"""ZeRO's stages, where each process holds a part of the state: the same training as in one that holds it all."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from pipeline import errors
from pipeline.progress import Report
from pipeline.stage import Context
from pipeline.training import ranks
from pipeline.training.checkpoints import Checkpoints
from pipeline.training.trainer import Trainer
from tests import factories
from tests.pipeline import contexts
from tests.pipeline.training.test_ranks import Loss, Posts, Slow, losses, made, small

pytestmark = pytest.mark.slow
__all__ = ["small"]
CLOSE = {"fp32": (1e-5, 1e-4), "bf16": (3e-2, 1e-1)}  # losses, and all weights together, relative to their norm


def trained(
    folder: Path,
    processes: int,
    report: Report | None = None,
    context: Any = None,
    posts: Posts | None = None,
    **settings: Any,
) -> Trainer:
    """Two epochs without dropout, chosen by a score that only the whole weights give."""
    trainer = made(folder, posts or Posts(epochs=2), dropout=0.0, epochs=2, **settings)
    trainer.validate = Loss()
    kept = Checkpoints(context) if context else None
    if processes == 1:
        trainer.checkpoints = kept
        trainer.run(report or Report())
    else:
        ranks.train(trainer, processes, report or Report(), folder, kept)
    return trainer


def stopped(folder: Path, first: int, then: int, **settings: Any) -> tuple[Trainer, Context]:
    """The same, stopped half-way in `first` processes and gone on with in `then`; its weights are in `then/trained`."""
    context = contexts.make(folder / "run", {"alice": []}, **factories.small_settings())
    context.report.measured = lambda point: os.kill(os.getpid(), signal.SIGTERM) if point["step"] == 12 else None
    with pytest.raises(errors.TryLaterError, match=r"training is kept at step 1[2-9] of 20"):
        trained(folder / "first", first, context.report, context, Slow(epochs=2), **settings)
    context.report.measured = lambda _: None
    return trained(folder / "then", then, context.report, context, **settings), context


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trainer, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("alone")
    trainer = trained(folder, 1)
    return trainer, load_file(folder / "trained" / "model.safetensors")


@pytest.mark.parametrize(
    ("stage", "precision", "offload", "first", "then"),
    [
        pytest.param("1", "fp32", False, 2, 1, marks=pytest.mark.long),
        pytest.param("2", "fp32", True, 2, 3, marks=pytest.mark.long),
        pytest.param("3", "fp32", True, 2, 1, marks=pytest.mark.long),
        ("3", "bf16", False, 1, 2),
    ],
)
def test_a_training_that_goes_on_in_another_number_of_processes_ends_as_in_one(
    tmp_path: Path,
    alone: tuple[Trainer, dict[str, Any]],
    stage: str,
    precision: str,
    offload: bool,
    first: int,
    then: int,
) -> None:
    given: dict[str, Any] = {"zero_stage": stage, "precision": precision, "offload_optimizer": offload}
    trainer, context = stopped(tmp_path, first, then, micro_batch=1, **given)
    assert f"train: a checkpoint of {first} processes is laid out anew for {then}" in "\n".join(context.report.said)
    whole, expected = alone
    assert losses(trainer) == pytest.approx(losses(whole), abs=CLOSE[precision][0])
    assert trainer.epoch == whole.epoch
    found = load_file(tmp_path / "then" / "trained" / "model.safetensors")
    assert found.keys() == expected.keys()
    apart, size = (
        sum(float(w.double().square().sum()) for w in part) ** 0.5
        for part in ([found[name] - expected[name] for name in found], expected.values())
    )
    assert apart < CLOSE[precision][1] * size


@pytest.mark.parametrize(("stage", "processes"), [("1", 1), pytest.param("3", 2, marks=pytest.mark.long)])
def test_with_adamw_s_state_in_the_machine_s_memory_a_training_goes_on_to_the_bit(
    tmp_path: Path, stage: str, processes: int
) -> None:
    given: dict[str, Any] = {"zero_stage": stage, "offload_optimizer": True, "precision": "fp32", "micro_batch": 1}
    unbroken, (again, _) = trained(tmp_path, processes, **given), stopped(tmp_path, processes, processes, **given)
    assert again.history == unbroken.history
    weights = "trained/model.safetensors"
    assert (tmp_path / "then" / weights).read_bytes() == (tmp_path / weights).read_bytes()


@pytest.mark.long
def test_as_many_processes_go_on_to_the_bit_in_bf16_too(tmp_path: Path) -> None:
    """At stage 3, where weights travel, and by other ways in a training's first step than later."""
    given: dict[str, Any] = {"zero_stage": "3", "precision": "bf16", "micro_batch": 1}
    unbroken, (again, _) = trained(tmp_path, 2, **given), stopped(tmp_path, 2, 2, **given)
    assert again.history == unbroken.history
    weights = "trained/model.safetensors"
    assert (tmp_path / "then" / weights).read_bytes() == (tmp_path / weights).read_bytes()
