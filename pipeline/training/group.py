"""The processes that train one model together, as one of them sees it: each computes its share of every step.

All hold the same weights and optimiser state (ZeRO stage 0), so what the first one keeps is the whole.
"""

import contextlib
import datetime
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed

from pipeline.errors import HtctlError
from pipeline.training.packing import IGNORED

BUCKET = 2**25  # gradients that are added up at once; 128 MiB in fp32
GLOO = "/gloo/"  # its errors are plain ones that name its source file


class LostError(HtctlError):
    """The others of a group cannot be reached: what happened to them is the reason, this is what follows."""


class Group:
    """One of `size` processes; of one alone nothing here does anything.

    stop: whether this one was told to stop after the step under way
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size
        self.stop = False

    @property
    def is_first(self) -> bool:
        """Whether it is the one that measures, writes and reports."""
        return self.rank == 0

    def join(self, store: Any, backend: str, patience: float) -> None:
        """Be one of those who met at `store` (`meeting.py`); whoever is silent for `patience` seconds is lost."""
        timeout = datetime.timedelta(seconds=patience)
        distributed.init_process_group(backend, store=store, rank=self.rank, world_size=self.size, timeout=timeout)

    def seed(self, seed: int, step: int) -> None:
        """Have each draw its own random numbers, the same for a step whenever it is made."""
        if self.size > 1:
            torch.manual_seed(int(np.random.SeedSequence([seed, step, self.rank]).generate_state(1, np.uint64)[0] >> 1))

    def share(self, inputs: Tensor, targets: Tensor, even: bool = False) -> tuple[Tensor, Tensor]:
        """This one's blocks of a batch; where there are too few for all, one that counts for nothing.

        With `even`, as many of those as it takes for all to have the same number.
        """
        if self.size == 1:
            return inputs, targets
        mine = slice(self.rank * len(inputs) // self.size, (self.rank + 1) * len(inputs) // self.size)
        count = -(-len(inputs) // self.size) if even else 1
        spare = max(0, count - (mine.stop - mine.start))
        if not spare:
            return inputs[mine], targets[mine]
        nothing = torch.full_like(targets[:1], IGNORED).repeat(spare, 1)
        return torch.cat([inputs[mine], inputs[:1].repeat(spare, 1)]), torch.cat([targets[mine], nothing])

    def add_gradients(self, weights: Iterable[Tensor]) -> None:
        """Put the sum over all in place of each weight's gradient."""
        for bucket in _buckets(part.grad for part in weights if part.grad is not None):
            whole = torch.cat([gradient.flatten() for gradient in bucket])
            distributed.all_reduce(whole)
            for gradient, summed in zip(bucket, whole.split([part.numel() for part in bucket]), strict=True):
                gradient.copy_(summed.view_as(gradient))

    def add(self, value: Tensor) -> Tensor:
        """The sum over all of a number."""
        if self.size > 1:
            value = value.detach().clone()
            distributed.all_reduce(value)
        return value

    def agree(self, number: int) -> bool:
        """Whether all have the same."""
        if self.size == 1:
            return True
        said = self._tensor(number, -number)
        distributed.all_reduce(said, distributed.ReduceOp.MAX)
        return bool(said[0] == -said[1])

    def any(self, stop: bool, due: bool) -> tuple[bool, bool]:
        """Whether any is asked to stop, and whether the first one says that a checkpoint is due."""
        if self.size == 1:
            return stop, due
        said = self.add(self._tensor(stop or self.stop, due and self.is_first)).tolist()
        return said[0] > 0, said[1] > 0

    def told(self, answer: bool) -> bool:
        """The first one's answer, for which the others wait."""
        return self.any(stop=False, due=answer)[1] if self.size > 1 else answer

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        """A block in which all work together, by DeepSpeed too; raises LostError where the others cannot be reached."""
        try:
            yield
        except RuntimeError as error:
            if isinstance(error, distributed.DistError) or GLOO in str(error):
                raise LostError(f"rank {self.rank} of {self.size} lost the others: {_line(error)}") from error
            raise

    def _tensor(self, *values: float) -> Tensor:
        where = "cuda" if distributed.get_backend() == "nccl" else "cpu"
        return torch.tensor([float(value) for value in values], device=where)


ALONE = Group()


def _buckets(gradients: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Gradients of one type in turn, as many as are added up at once."""
    bucket: list[Tensor] = []
    for gradient in gradients:
        full = sum(part.numel() for part in bucket) + gradient.numel() > BUCKET
        if bucket and (full or gradient.dtype != bucket[0].dtype):
            yield bucket
            bucket = []
        bucket.append(gradient)
    if bucket:
        yield bucket


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
