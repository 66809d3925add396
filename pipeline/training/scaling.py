"""fp16's narrow range: the loss is multiplied before the backward pass, so that small gradients do not vanish.

A step with a gradient that is too large is left out, and the multiplier halved; after 2,000 steps without, it is
doubled (arXiv 1710.03740, section 3.2). At ZeRO stage 0 DeepSpeed does so by torch.amp.GradScaler, of which it keeps no
state. At the others it would have each process judge its own part of the gradients, and clip them by a norm that is
multiplied too; its older scaler does both right, and is kept with the rest.
"""

from typing import Any

import torch

FIRST = 2.0**12  # torch begins with 2^16, at which a training's first steps are left out (`bench/zero`)
WINDOW, LEAST = 2000, 1.0


def use(running: Any, *, narrow: bool) -> None:
    """Have an engine scale its loss soundly at every ZeRO stage where its autocast is fp16 (`narrow`), else not."""
    parted = running.zero_optimization()
    if parted:  # what another engine of this process was asked for does not count
        running.optimizer.torch_autocast_gradscaler = None
    if not narrow:
        return
    if not parted:
        running.torch_autocast_z0_gradscaler = torch.amp.GradScaler(running.device.type, init_scale=FIRST)
        return
    from deepspeed.runtime.fp16.loss_scaler import DynamicLossScaler

    first = FIRST / torch.distributed.get_world_size()  # there the loss is multiplied by that already (`steps.py`)
    running.optimizer.loss_scaler = DynamicLossScaler(first, WINDOW, LEAST, 1, False)
    running.optimizer.dynamic_loss_scale = True


def state(running: Any) -> dict[str, Any]:
    """What a checkpoint has to hold besides what DeepSpeed saves; empty where that is nothing."""
    scaler = getattr(running, "torch_autocast_z0_gradscaler", None)
    return scaler.state_dict() if scaler else {}


def restore(running: Any, kept: dict[str, Any]) -> None:
    """Put back what `state` gave."""
    if kept:
        running.torch_autocast_z0_gradscaler.load_state_dict(kept)
