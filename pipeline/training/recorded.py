"""A part's gradients recorded as a CUDA graph: at few blocks a GPU waits for Python to launch each operation."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

WARM_UP = 3  # times before the recording, in which libraries make ready what a recording may not


class Recorded:
    """The mean loss of blocks and its gradients, as one launch for all batches of the same shape.

    The recording's own memory holds the batch, the loss and the gradients; each replay overwrites them.
    """

    def __init__(self, running: Any, summed_loss: Callable[[Tensor, Tensor], Tensor], batch: tuple[Tensor, Tensor]):
        """Record; the weights and the random numbers to come are left as they were."""
        self.running, self.summed_loss = running, summed_loss
        self.weights = [weights for weights in running.module.parameters() if weights.requires_grad]
        self.inputs, self.targets = (part.clone() for part in batch)
        self.count = torch.ones((), device=self.inputs.device)
        state = torch.cuda.get_rng_state()
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(WARM_UP):
                self._compute()
        torch.cuda.current_stream().wait_stream(beside)
        running.zero_grad()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.loss = self._compute()
        self.gradients = [weights.grad for weights in self.weights]
        running.zero_grad()
        torch.cuda.set_rng_state(state)

    def __call__(self, batch: tuple[Tensor, Tensor], count: int) -> Tensor:
        """The loss of another batch, its gradients where the engine's step looks for them."""
        self.inputs.copy_(batch[0], non_blocking=True)
        self.targets.copy_(batch[1], non_blocking=True)
        self.count.fill_(count)
        self.graph.replay()
        for weights, gradient in zip(self.weights, self.gradients, strict=True):
            weights.grad = gradient
        return self.loss

    def _compute(self) -> Tensor:
        self.running.zero_grad()  # gradients are made anew, not added to
        loss = self.summed_loss(self.inputs, self.targets) / self.count
        self.running.backward(loss)
        return loss.detach()
