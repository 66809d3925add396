"""The training loop: blocks in, a fine-tuned model out, the loss on the way."""

import contextlib
import math
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch

from pipeline import stopping
from pipeline.errors import HtctlError
from pipeline.progress import Report
from pipeline.settings import Train
from pipeline.training import engine, weights
from pipeline.training.group import ALONE, Group
from pipeline.training.heldout import Score
from pipeline.training.packing import PackedPosts
from pipeline.training.steps import Steps
from pipeline.training.watchdog import Watchdog

PATIENCE = 2  # epochs without a lower validation loss after which training stops
POINTS = 500  # of the loss curve, about

# What a checkpoint holds of a Trainer; the rest is made anew from the config.
PROGRESS = ("done", "tokens", "seconds", "epoch", "lowest", "worse", "history", "part")

Validate = Callable[[Any], Score]


class Keeping(Protocol):
    """Where a training under way is kept: `Checkpoints`, or what a process of several has for them."""

    def save(self, running: Any, progress: dict[str, Any], best: Path) -> None:
        """Keep it as it is now; it is on its way when this returns."""

    def settle(self) -> None:
        """Wait until what was kept has arrived."""

    def load(self, running: Any, best: Path) -> dict[str, Any] | None:
        """Put back what was kept last."""


class Trainer:
    """One training from the first step to the last, and what it told on the way.

    history: records of `step`, `tokens`, `loss` (nats per token) and `learning_rate`, and, at the end of
    an epoch, of `step`, `epoch` and `validation_loss`
    epoch: the one whose weights are kept
    done: steps made, which an early stop leaves below `steps`, the plan
    part: blocks computed at once
    """

    def __init__(
        self,
        model: Any,
        posts: PackedPosts,
        settings: Train,
        folder: Path,
        validate: Validate | None,
        checkpoints: Keeping | None = None,
        group: Group = ALONE,
    ) -> None:
        """`folder` gets the chosen weights; `validate` scores an epoch, or is None where the last is kept.

        Of a `group` each makes the same steps; the first one alone measures, writes and reports.
        """
        self.group = group
        self.model, self.posts, self.settings = model, posts, settings
        self.folder, self.validate, self.checkpoints = folder, validate, checkpoints
        self.steps = posts.steps(settings.batch_size, settings.block_size)
        self.history: list[dict[str, Any]] = []
        self.epoch, self.done, self.tokens, self.seconds = settings.epochs, 0, 0, 0.0
        self.lowest, self.worse = float("inf"), 0
        self.part = min(settings.micro_batch or settings.batch_size, settings.batch_size)
        self.stage = 0 if settings.zero_stage == "auto" else int(settings.zero_stage)
        self.watchdog: Watchdog | None = None

    def run(self, report: Report) -> None:
        """Train from the first step or the newest checkpoint; leave the chosen epoch's weights in the folder."""
        running = engine.start(self.model, self.settings, self.steps)
        running.train()
        self._resume(running, report)
        ends, saved = self.posts.epoch_ends(self.settings.batch_size, self.settings.block_size), time.monotonic()
        steps = Steps(running, self._batch, self.part, self.steps, self.group)
        alone = self.group.size == 1  # else signals are for who started the group, and tells it
        signals = stopping.deferred() if alone else contextlib.nullcontext(stopping.Stop())
        with signals as stop, report.bar("train", len(self.posts) - 1 - self.tokens, "tokens") as bar:
            for step in range(self.done + 1, self.steps + 1):
                started = time.monotonic()
                self.group.seed(self.settings.seed, step)
                loss, count = self._take(steps, step, report)
                if not math.isfinite(loss):
                    raise HtctlError(f"training diverged at step {step}: the loss is {loss}; lower train.learning_rate")
                self.done, self.tokens = step, self.tokens + count
                self._record(step, loss, running.get_lr()[0], report)
                report.now |= {"step": step, "steps": self.steps}
                bar.advance(count, f"loss {loss:.2f}")
                if self.watchdog:
                    self.watchdog.beat()
                over = step in ends and self._is_over(step, ends[step], report)
                self.seconds += time.monotonic() - started
                if over:
                    break
                due = time.monotonic() - saved > 60 * self.settings.checkpoint_minutes
                asked, due = self.group.any(bool(stop.asked), due)
                if asked or due:
                    self._checkpoint(running)
                    saved = time.monotonic()
                if asked:
                    self._settle()
                    stop.asked = stop.asked or signal.SIGTERM  # another of the group may be who was asked
                    stop.leave_if_asked(f"training is kept at step {step} of {self.steps}")
        self._settle()
        if not self.validate:
            weights.save(self.model, self.folder, self.group)

    def _batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        inputs, targets = self.posts.batch(step, self.settings.batch_size, self.settings.block_size)
        return torch.from_numpy(inputs), torch.from_numpy(targets)

    def _take(self, steps: Steps, step: int, report: Report) -> tuple[float, int]:
        loss, count = steps.take(step)
        if steps.part < self.part:
            self.part = steps.part
            report.line(
                f"train: the GPU's memory holds {self.part} of a step's {self.settings.batch_size} blocks at once"
            )
        return loss, count

    def _resume(self, running: Any, report: Report) -> None:
        progress = self.checkpoints.load(running, self.folder) if self.checkpoints else None
        if progress:
            asked = self.part
            self.take_over(progress)
            self.part = min(asked, self.part)
            report.line(f"train: goes on after step {self.done} of {self.steps}")

    def _checkpoint(self, running: Any) -> None:
        if self.checkpoints:
            self.checkpoints.save(running, self.progress(), self.folder)

    def _settle(self) -> None:
        if self.checkpoints:
            self.checkpoints.settle()

    def progress(self) -> dict[str, Any]:
        """What a checkpoint holds of it, as JSON has it, and how its parts are laid out."""
        layout = {"zero": self.stage, "processes": self.group.size} if self.stage else {}
        return {name: getattr(self, name) for name in PROGRESS} | layout

    def take_over(self, progress: dict[str, Any]) -> None:
        """Have another's `progress`; older ones hold fewer names."""
        for name in PROGRESS:
            setattr(self, name, progress.get(name, getattr(self, name)))

    def _is_over(self, step: int, epoch: int, report: Report) -> bool:
        """At an epoch's end: score it, keep its weights if they are the best yet, say whether to stop."""
        if not self.validate:
            return False
        aside = self.folder.with_name("epoch")
        if weights.is_parted(self.model):
            weights.save(self.model, aside, self.group)
        return self.group.told(self.group.is_first and self._is_last(self.validate, aside, epoch, step, report))

    def _is_last(self, validate: Validate, aside: Path, epoch: int, step: int, report: Report) -> bool:
        score = validate(_read(aside) if aside.exists() else self.model)
        loss = score.nats / score.tokens
        self.history.append({"step": step, "epoch": epoch, "validation_loss": loss})
        report.measured(self.history[-1])
        report.line(f"train: epoch {epoch} of {self.settings.epochs}: validation loss {loss:.3f}")
        if loss < self.lowest:
            self.lowest, self.worse, self.epoch = loss, 0, epoch
            if aside.exists():
                shutil.rmtree(self.folder, ignore_errors=True)
                aside.rename(self.folder)
            else:
                weights.save(self.model, self.folder)
        else:
            self.worse += 1
        return self.worse == PATIENCE

    def _record(self, step: int, loss: float, learning_rate: float, report: Report) -> None:
        if step % max(1, self.steps // POINTS) == 0 or step == self.steps:
            point = {"step": step, "tokens": self.tokens, "loss": loss, "learning_rate": learning_rate}
            self.history.append(point)
            report.measured(point | {"epoch": self.settings.epochs * self.tokens / (len(self.posts) - 1)})


def _read(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    return model.to(engine.device())
