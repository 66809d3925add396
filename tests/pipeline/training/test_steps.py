from typing import Any

import pytest
import torch

from pipeline.errors import HtctlError
from pipeline.training import tiny
from pipeline.training.packing import IGNORED
from pipeline.training.steps import Batch, Steps

BLOCKS, SIZE = 6, 16


def batch(step: int) -> Batch:
    """Unequal numbers of real tokens in the blocks, as the last batch of a training has them."""
    drawn = torch.Generator().manual_seed(step)
    inputs, targets = (torch.randint(1, 16, (BLOCKS, SIZE), generator=drawn) for _ in range(2))
    targets[-1, 3:] = IGNORED
    return inputs, targets


class Engine:
    """An engine that adds gradients up until `step`, and beside them has memory for so many blocks at once."""

    def __init__(self, holds: int = 100, stage: int = 0) -> None:
        self.model = tiny.model(vocabulary=16, end=0, positions=SIZE, seed=0).eval()  # no dropout
        self.device, self.holds, self.stage = torch.device("cpu"), holds, stage
        self.asked: list[int] = []
        self.steps: list[list[torch.Tensor]] = []

    def __call__(self, input_ids: torch.Tensor) -> Any:
        self.asked.append(len(input_ids))
        if len(input_ids) > self.holds and next(self.model.parameters()).grad is not None:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.model(input_ids=input_ids)

    def backward(self, loss: torch.Tensor) -> None:
        loss.backward()

    def step(self) -> None:
        self.steps.append([weights.grad.clone() for weights in self.model.parameters()])
        self.zero_grad()

    def zero_grad(self) -> None:
        self.model.zero_grad()

    def zero_optimization(self) -> bool:
        return self.stage > 0


def whole() -> tuple[Engine, float, int]:
    engine = Engine()
    return engine, *Steps(engine, batch, BLOCKS, 1).take(1)


@pytest.mark.parametrize("part", [1, 2, 4])
def test_parts_of_a_step_add_up_to_it(part: int) -> None:
    engine = Engine()
    loss, count = Steps(engine, batch, part, 1).take(1)
    other, other_loss, other_count = whole()
    assert (loss, count) == (pytest.approx(other_loss, rel=1e-5), other_count)
    assert count == BLOCKS * SIZE - (SIZE - 3)
    assert engine.asked == [part] * (BLOCKS // part) + [BLOCKS % part] * (BLOCKS % part > 0)
    for mine, theirs in zip(engine.steps[0], other.steps[0], strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_what_the_memory_does_not_hold_is_halved_and_nothing_counts_twice() -> None:
    engine = Engine(holds=1)
    steps = Steps(engine, batch, 4, 2)
    loss, _ = steps.take(1)
    other, other_loss, _ = whole()
    assert loss == pytest.approx(other_loss, rel=1e-5)
    assert steps.part == 1
    assert engine.asked == [4, 2] + [2, 2] + [1] * BLOCKS
    for mine, theirs in zip(engine.steps[0], other.steps[0], strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
    steps.take(2)
    assert engine.asked[10:] == [1] * BLOCKS


@pytest.mark.parametrize(("part", "stage", "told"), [(1, 0, "one block"), (4, 1, "4 blocks at once")])
def test_memory_too_small_is_told(part: int, stage: int, told: str) -> None:
    """Where gradients are shared out as they come, what was added up already cannot be taken back."""
    said = rf"no memory for {told}; set a smaller train\.micro_batch or train\.block_size"
    with pytest.raises(HtctlError, match=said):
        Steps(Engine(holds=0, stage=stage), batch, part, 1).take(1)


def test_the_next_batch_is_made_before_a_loss_is_waited_for() -> None:
    made: list[int] = []

    def told(step: int) -> Batch:
        made.append(step)
        return batch(step)

    steps = Steps(Engine(), told, BLOCKS, 8)
    steps.take(7)
    assert made == [7, 8]
    steps.take(8)
    assert made == [7, 8]
