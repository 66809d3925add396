"""Optimiser steps: each a batch of blocks, computed in parts that fit the memory while the next batch comes in."""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.errors import HtctlError
from pipeline.training.group import ALONE, Group
from pipeline.training.packing import IGNORED

Batch = tuple[Tensor, Tensor]  # inputs and targets, (blocks, block_size)


class Steps:
    """The steps of one engine, asked for by number, one after the other.

    part: blocks that are computed at once
    """

    def __init__(self, running: Any, batch: Callable[[int], Batch], part: int, last: int, group: Group = ALONE) -> None:
        """`batch` makes the batch of a step up to `last`; `part` is halved where a GPU has no memory for it.

        Each of `group` computes its share of the batch; gradients and loss are those of the whole.
        """
        self.running, self.batch, self.part, self.last, self.group = running, batch, part, last, group
        # An engine on a GPU brings its own (`gpu.py`).
        self.summed_loss = getattr(running, "summed_loss", functools.partial(_summed_loss, running))
        self.records = hasattr(running, "recorded") and running.device.type == "cuda" and group.size == 1
        self.recorded: Any = None
        self.whole = part
        self.parted = bool(running.zero_optimization())
        self._next: tuple[int, Batch, int] | None = None

    def take(self, step: int) -> tuple[float, int]:
        """One step; returns the mean loss over its real tokens, and how many they are."""
        if not self._next or self._next[0] != step:
            self._fetch(step)
        assert self._next  # noqa: S101 (for the type checker)
        _, batch, count = self._next
        loss = self._gradients(batch, count)
        if self.group.size > 1 and not self.parted:
            self.group.add_gradients(self.running.module.parameters())
        self.running.step()
        if step < self.last:
            self._fetch(step + 1)  # while a GPU is still at this step: reading the loss waits for it
        return float(self.group.add(loss)), count

    def _fetch(self, step: int) -> None:
        inputs, targets = self.batch(step)
        count = int((targets != IGNORED).sum())
        # Where states are parted, every pass is made together.
        inputs, targets = self.group.share(inputs, targets, even=self.parted)
        self._next = step, (_moved(inputs, self.running.device), _moved(targets, self.running.device)), count

    def _gradients(self, batch: Batch, count: int) -> Tensor:
        """The gradients of a whole batch added up; returns its loss."""
        while True:
            try:
                return self._in_parts(batch, count)
            except torch.OutOfMemoryError:
                if self.part == 1 or self.parted:
                    raise _too_large(self.part) from None
            # Here, not above: the error holds on to what was computed until its handler is left.
            self.part = min(self.part, len(batch[0])) // 2 or 1
            self.running.zero_grad()
            torch.cuda.empty_cache()

    def _in_parts(self, batch: Batch, count: int) -> Tensor:
        if self.records and len(batch[0]) == self.part == self.whole:
            self.recorded = self.recorded or self.running.recorded(self.summed_loss, batch)
            replayed: Tensor = self.recorded(batch, count)
            return replayed
        losses = []
        for inputs, targets in zip(*(whole.split(self.part) for whole in batch), strict=True):
            loss = self.summed_loss(inputs, targets) / count
            self.running.backward(loss * self.group.size if self.parted else loss)
            losses.append(loss.detach())
        return losses[0] if len(losses) == 1 else torch.stack(losses).sum()


def _summed_loss(running: Any, inputs: Tensor, targets: Tensor) -> Tensor:
    logits = running(input_ids=inputs).logits
    return functional.cross_entropy(
        logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, reduction="sum"
    )


def _moved(whole: Tensor, device: torch.device) -> Tensor:
    """On the device; from pinned memory a GPU fetches it by itself, beside what it computes."""
    return whole.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else whole


def _too_large(part: int) -> HtctlError:
    told = "one block" if part == 1 else f"{part} blocks at once"
    return HtctlError(f"train: the GPU has no memory for {told}; set a smaller train.micro_batch or train.block_size")
