"""The training loop: blocks in, a fine-tuned model out, the loss on the way."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from pipeline import engine, stopping
from pipeline.checkpoints import Checkpoints
from pipeline.config import Train
from pipeline.errors import HtctlError
from pipeline.heldout import Score
from pipeline.packing import IGNORED, PackedPosts
from pipeline.progress import Report

PATIENCE = 2  # epochs without a lower validation loss after which training stops
POINTS = 500  # of the loss curve, about

# What a checkpoint holds of a Trainer; the rest is made anew from the config.
PROGRESS = ("done", "tokens", "seconds", "epoch", "lowest", "worse", "history")

Validate = Callable[[Any], Score]


class Trainer:
    """One training from the first step to the last, and what it told on the way.

    history: records of `step`, `tokens`, `loss` (nats per token) and `learning_rate`, and, at the end of
    an epoch, of `step`, `epoch` and `validation_loss`
    epoch: the one whose weights are kept
    done: steps made, which an early stop leaves below `steps`, the plan
    """

    def __init__(
        self,
        model: Any,
        posts: PackedPosts,
        settings: Train,
        folder: Path,
        validate: Validate | None,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        """`folder` gets the chosen weights; `validate` scores an epoch, or is None where the last is kept."""
        self.model, self.posts, self.settings = model, posts, settings
        self.folder, self.validate, self.checkpoints = folder, validate, checkpoints
        self.blocks = posts.blocks(settings.block_size)
        self.steps = -(-self.blocks // settings.batch_size)
        self.history: list[dict[str, Any]] = []
        self.epoch, self.done, self.tokens, self.seconds = settings.epochs, 0, 0, 0.0
        self.lowest, self.worse = float("inf"), 0

    def run(self, report: Report) -> None:
        """Train from the first step or the newest checkpoint; leave the chosen epoch's weights in the folder."""
        running = engine.start(self.model, self.settings, self.steps)
        running.train()
        self._resume(running, report)
        ends, saved = self._epoch_ends(), time.monotonic()
        with stopping.deferred() as stop, report.bar("train", len(self.posts) - 1 - self.tokens, "tokens") as bar:
            for step in range(self.done + 1, self.steps + 1):
                started = time.monotonic()
                loss, count = _step(running, *self._batch(step))
                if not math.isfinite(loss):
                    raise HtctlError(f"training diverged at step {step}: the loss is {loss}; lower train.learning_rate")
                self.done, self.tokens = step, self.tokens + count
                self._record(step, loss, running.get_lr()[0], report)
                report.now |= {"step": step, "steps": self.steps}
                bar.advance(count, f"loss {loss:.2f}")
                over = step in ends and self._is_over(step, ends[step], report)
                self.seconds += time.monotonic() - started
                if over:
                    break
                if stop.asked or time.monotonic() - saved > 60 * self.settings.checkpoint_minutes:
                    self._checkpoint(running)
                    saved = time.monotonic()
                stop.leave_if_asked(f"training is kept at step {step} of {self.steps}")
        if not self.validate:
            self._save()

    def _resume(self, running: Any, report: Report) -> None:
        progress = self.checkpoints.load(running, self.folder) if self.checkpoints else None
        if progress:
            for name in PROGRESS:
                setattr(self, name, progress[name])
            report.line(f"train: goes on after step {self.done} of {self.steps}")

    def _checkpoint(self, running: Any) -> None:
        if self.checkpoints:
            self.checkpoints.save(running, {name: getattr(self, name) for name in PROGRESS}, self.folder)

    def _is_over(self, step: int, epoch: int, report: Report) -> bool:
        """At an epoch's end: score it, keep its weights if they are the best yet, say whether to stop."""
        if not self.validate:
            return False
        score = self.validate(self.model)
        loss = score.nats / score.tokens
        self.history.append({"step": step, "epoch": epoch, "validation_loss": loss})
        report.measured(self.history[-1])
        report.line(f"train: epoch {epoch} of {self.settings.epochs}: validation loss {loss:.3f}")
        if loss < self.lowest:
            self.lowest, self.worse, self.epoch = loss, 0, epoch
            self._save()
        else:
            self.worse += 1
        return self.worse == PATIENCE

    def _save(self) -> None:
        with engine.whole_weights(self.model):
            self.model.save_pretrained(self.folder)

    def _record(self, step: int, loss: float, learning_rate: float, report: Report) -> None:
        if step % max(1, self.steps // POINTS) == 0 or step == self.steps:
            point = {"step": step, "tokens": self.tokens, "loss": loss, "learning_rate": learning_rate}
            self.history.append(point)
            report.measured(point | {"epoch": self.settings.epochs * self.tokens / (len(self.posts) - 1)})

    def _epoch_ends(self) -> dict[int, int]:
        """The step in which each epoch's last token is read -> the epoch, counted from 1."""
        in_a_step = self.settings.block_size * self.settings.batch_size
        ends = (min(-(-int(end) // in_a_step), self.steps) for end in self.posts.epoch_starts[1:])
        return {step: epoch for epoch, step in enumerate(ends, 1)}

    def _batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """(inputs, targets) of a step, (blocks, block_size); the last step may have fewer blocks."""
        size, count = self.settings.block_size, self.settings.batch_size
        rows = range((step - 1) * count, min(step * count, self.blocks))
        inputs, targets = zip(*(self.posts.block(row, size) for row in rows), strict=True)
        return torch.from_numpy(np.stack(inputs)), torch.from_numpy(np.stack(targets))


def _step(running: Any, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[float, int]:
    """One optimiser step; returns the mean loss over its real tokens, and how many they are."""
    count = int((targets != IGNORED).sum())
    logits = running(input_ids=inputs.to(running.device)).logits
    summed = functional.cross_entropy(
        logits.flatten(0, 1).float(),
        targets.to(running.device).flatten(),
        ignore_index=IGNORED,
        reduction="sum",
    )
    loss = summed / count
    running.backward(loss)
    running.step()
    return float(loss.detach()), count
