"""What a GPU is spared in a training step of GPT-2: the same up to rounding, in fewer and shorter operations.

- transformers keeps keys and values for a generation that never comes, or waits for the GPU to ask about masks.
- It writes GPT-2's GELU out as eight operations; torch has it as one.
- DeepSpeed takes the norm of each gradient by itself, and shortens each by itself.
- Logits of all tokens at once are the largest tensors of a step, in fp32 and in as many columns as the vocabulary
  has, a number that the fast kernels of matrix products are not made for.
"""

import functools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface
from transformers.activations import NewGELUActivation
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from pipeline.training.packing import IGNORED
from pipeline.training.recorded import Recorded

NAME = "causal_without_mask"
CHUNK = 4096  # tokens whose logits are there at once
MULTIPLE = 64  # of columns that a product is made for


def use(running: Any, norm: float) -> None:
    """Have an engine train with what is here, as far as it goes with its model and ZeRO stage."""
    stage, model = running.zero_optimization_stage(), running.module
    if stage == 0:
        weights = list(model.parameters())
        running.clip_fp32_gradients = functools.partial(nn.utils.clip_grad_norm_, weights, norm)
    if model.config.model_type != "gpt2":
        return
    spare(model)
    narrow = running.torch_autocast_enabled()
    if narrow and running.torch_autocast_dtype() == torch.float16:  # gradients that are not multiplied vanish in it
        return
    if stage < 3:  # there the weights are not all here
        running.summed_loss = functools.partial(loss, running)
    if stage == 0 and narrow:  # in fp32 a recording has failed
        running.recorded = functools.partial(Recorded, running)


def spare(model: Any) -> None:
    """Have a GPT-2 make no masks, and its GELU at once."""
    AttentionInterface.register(NAME, attention)
    model.set_attn_implementation(NAME)  # under this name no mask is registered, so none is made
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, NewGELUActivation):
                setattr(module, name, nn.GELU(approximate="tanh"))


def attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, _mask: Tensor | None, **others: Any
) -> tuple[Tensor, None]:
    """Causal attention as transformers calls it: blocks are full, or padded on the right."""
    result: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, None, **others)
    return result


def loss(running: Any, inputs: Tensor, targets: Tensor) -> Tensor:
    """The summed loss of blocks, without their logits."""
    told = running(input_ids=inputs, use_cache=False, output_hidden_states=True, logits_to_keep=1)
    hidden, weight = told.hidden_states[-1].flatten(0, 1), running.module.lm_head.weight
    dtype = running.torch_autocast_dtype() if running.torch_autocast_enabled() else hidden.dtype
    summed: Tensor = _Chunked.apply(hidden, weight, targets.flatten(), dtype)  # type: ignore[no-untyped-call]
    return summed


class _Chunked(torch.autograd.Function):
    """Summed cross-entropy of `hidden @ weight.T`; the gradients are made on the way, so no logits are kept."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype) -> Tensor:
        inputs = hidden.to(dtype)
        rows = functional.pad(weight.to(dtype), (0, 0, 0, -len(weight) % MULTIPLE))
        summed = hidden.new_zeros((), dtype=torch.float32)
        to_hidden, to_rows = torch.empty_like(inputs), torch.zeros_like(rows, dtype=torch.float32)
        for start in range(0, len(inputs), CHUNK):
            part = slice(start, start + CHUNK)
            logits = inputs[part] @ rows.T
            logits[:, len(weight) :] = float("-inf")
            loss, gradient = _chunk(logits, targets[part])
            summed += loss
            to_hidden[part] = gradient @ rows
            to_rows += gradient.T @ inputs[part]
        ctx.save_for_backward(to_hidden.to(hidden.dtype), to_rows[: len(weight)].to(weight.dtype))
        return summed

    @staticmethod
    def backward(ctx: Any, *above: Tensor) -> tuple[Tensor, Tensor, None, None]:
        to_hidden, to_weight = ctx.saved_tensors
        return to_hidden * above[0], to_weight * above[0], None, None


def _chunk(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """(summed loss, gradient of the logits, in their precision) of some tokens."""
    counts = targets != IGNORED
    at = targets.where(counts, 0)[:, None]
    gradient = logits.softmax(-1)  # computed in fp32 inside, also in bf16
    loss = -(gradient.gather(1, at).float().clamp_min(1e-38).log()[:, 0] * counts).sum()
    gradient.scatter_add_(1, at, torch.full_like(at, -1, dtype=gradient.dtype))
    gradient *= counts[:, None]
    return loss, gradient
