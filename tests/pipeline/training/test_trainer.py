from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.errors import HtctlError
from pipeline.progress import Report
from pipeline.settings import Train
from pipeline.training import tiny, trainer
from pipeline.training.heldout import Score
from pipeline.training.packing import PackedPosts

SETTINGS = Train(epochs=6, batch_size=2, block_size=16, learning_rate=1e-2, precision="fp32")


def packed(epochs: int) -> PackedPosts:
    tokens = np.tile(np.arange(1, 11), 20).astype(np.int32)
    return PackedPosts(tokens, np.arange(0, 201, 10), np.zeros(20, int), end=0, epochs=epochs, seed=0)


class Plain:
    """An engine that steps as DeepSpeed's does, in this process: the loop is what is tested here."""

    def __init__(self, model: torch.nn.Module, train: Train) -> None:
        self.model, self.device = model, torch.device("cpu")
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=train.learning_rate)

    def __call__(self, **inputs: torch.Tensor) -> object:
        return self.model(**inputs)

    def train(self) -> None:
        self.model.train()

    def zero_optimization(self) -> bool:
        return False

    def backward(self, loss: torch.Tensor) -> None:
        loss.backward()

    def step(self) -> None:
        self.optimizer.step()
        self.optimizer.zero_grad()

    def get_lr(self) -> list[float]:
        return [self.optimizer.param_groups[0]["lr"]]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> torch.nn.Module:
    monkeypatch.setattr(trainer.engine, "start", lambda model, train, steps: Plain(model, train))
    return tiny.model(vocabulary=16, end=0, positions=16, seed=0)


def run(model: torch.nn.Module, folder: Path, losses: list[float] | None = None) -> trainer.Trainer:
    """Train; `losses` are what validation says epoch by epoch."""
    told = iter(losses or [])
    validate = (lambda _: Score(next(told), tokens=1, posts=1, bytes=1)) if losses else None
    made = trainer.Trainer(model, packed(SETTINGS.epochs), SETTINGS, folder, validate)
    made.run(Report())
    return made


def test_the_last_epoch_is_kept_and_every_token_was_trained_on(model: torch.nn.Module, tmp_path: Path) -> None:
    made = run(model, tmp_path)
    assert made.epoch == 6
    assert made.tokens == 6 * 20 * 11
    assert made.history[0]["loss"] > 2 > made.history[-1]["loss"]
    assert (tmp_path / "model.safetensors").exists()


def test_every_point_of_the_curve_is_told_as_it_is_made(model: torch.nn.Module, tmp_path: Path) -> None:
    report, told = Report(), list[dict[str, Any]]()
    report.measured = lambda point: told.append(dict(point))
    losses = iter([3.0, 1.0, 2.0, 2.0])
    made = trainer.Trainer(
        model, packed(6), SETTINGS, tmp_path, lambda _: Score(next(losses), tokens=1, posts=1, bytes=1)
    )
    made.run(report)
    assert [point["step"] for point in told] == [point["step"] for point in made.history]
    assert [point for point in told if "validation_loss" in point] == [
        point for point in made.history if "validation_loss" in point
    ]
    epochs = [point["epoch"] for point in told if "loss" in point]
    assert epochs == sorted(epochs)
    assert epochs[-1] == pytest.approx(4, abs=0.3)  # of six: it stopped early


def test_the_best_epoch_is_kept(model: torch.nn.Module, tmp_path: Path) -> None:
    made = run(model, tmp_path, [5.0, 3.0, 4.0, 2.0, 2.5, 2.4])
    assert made.epoch == 4
    assert [record["epoch"] for record in made.history if "epoch" in record] == [1, 2, 3, 4, 5, 6]


def test_two_worse_epochs_stop_the_training(model: torch.nn.Module, tmp_path: Path) -> None:
    made = run(model, tmp_path, [5.0, 3.0, 4.0, 3.5, 1.0, 1.0])
    assert made.epoch == 2
    assert made.tokens < 6 * 20 * 11
    assert made.done < made.steps
    assert [record["epoch"] for record in made.history if "epoch" in record] == [1, 2, 3, 4]


def test_a_loss_that_is_no_number_ends_the_training(model: torch.nn.Module, tmp_path: Path) -> None:
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    with pytest.raises(HtctlError, match=r"training diverged at step 1: the loss is nan; lower train\.learning_rate"):
        run(model, tmp_path)
    assert not (tmp_path / "model.safetensors").exists()


def test_dropout_is_on_while_training(model: torch.nn.Module, tmp_path: Path) -> None:
    seen = []
    model.register_forward_pre_hook(lambda module, _: seen.append(module.training))
    run(model.eval(), tmp_path)
    assert all(seen)


def test_an_epoch_ends_in_the_step_that_reads_its_last_token(model: torch.nn.Module, tmp_path: Path) -> None:
    made = run(model, tmp_path, [5.0, 4.0, 3.0, 2.0, 1.0, 0.5])
    ends = [record["step"] for record in made.history if "epoch" in record]
    assert ends == [-(-220 * epoch // 32) for epoch in range(1, 7)]


def test_the_kept_weights_are_the_best_epoch_s(model: torch.nn.Module, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    seen: list[torch.Tensor] = []
    losses = iter([5.0, 1.0, 4.0, 4.0])

    def validate(current: torch.nn.Module) -> Score:
        seen.append(next(current.parameters()).detach().clone())
        return Score(next(losses), tokens=1, posts=1, bytes=1)

    trainer.Trainer(model, packed(6), SETTINGS, tmp_path, validate).run(Report())
    kept = next(AutoModelForCausalLM.from_pretrained(tmp_path).parameters())
    assert torch.equal(kept, seen[1])
    assert not torch.equal(kept, seen[3])
