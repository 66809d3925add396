"""What GPT-2 computes in training, computed faster on a CPU: the same up to rounding, dropout included.

- torch's fast attention knows no dropout on a CPU; its slow one makes the whole square of scores in fp32, half
  of which the causal mask throws away, and draws a random number of its own for each of them (`bench/train`).
- transformers writes GPT-2's GELU out as eight operations over the widest tensor of a layer; torch has it as one.
"""

from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.activations import NewGELUActivation
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "causal_with_dropout"
BAND = 128  # queries at a time: few enough to waste little of the mask's half, enough for fast products
LEVELS = 2**16  # of a random number that decides on one score: 16 bits of it


def use(model: Any) -> None:
    """Have a GPT-2 train with what is here; other models stay as they are, and nothing of it is saved."""
    if model.config.model_type != "gpt2":
        return
    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.set_attn_implementation(NAME)
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, NewGELUActivation):
                setattr(module, name, torch.nn.GELU(approximate="tanh"))


def attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    dropout: float = 0.0,
    scaling: float,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attention as transformers calls it; torch's own where nothing is dropped, or a mask is given."""
    if dropout == 0 or attention_mask is not None or query.shape != key.shape:
        result: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **others
        )
        return result
    return _Causal.apply(query * scaling, key, value, dropout).transpose(1, 2).contiguous(), None  # type: ignore[no-untyped-call]


class _Causal(torch.autograd.Function):
    """softmax(q k^T) v with a causal mask and dropout of the weights, a band of queries at a time.

    The tensors are (..., positions, width); q is scaled already.
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, dropout: float) -> Tensor:
        dropped = round(dropout * LEVELS)
        result, saved = torch.empty_like(q), []
        for start, end in _bands(q):
            scores = q[..., start:end, :] @ k[..., :end, :].mT
            future = torch.ones(end - start, end - start, dtype=torch.bool, device=q.device).triu(1)
            scores[..., start:].masked_fill_(future, float("-inf"))
            weights = scores.softmax(-1)
            kept = _random(weights) >= dropped - LEVELS // 2
            result[..., start:end, :] = (weights * kept) @ v[..., :end, :]
            saved += [weights, kept]
        ctx.save_for_backward(q, k, v, *saved)
        ctx.scale = LEVELS / (LEVELS - dropped)
        return result.mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        q, k, v, *saved = ctx.saved_tensors
        gradient = gradients[0] * ctx.scale
        dq, dk, dv = torch.empty_like(q), torch.zeros_like(k, dtype=torch.float), torch.zeros_like(v, dtype=torch.float)
        for (start, end), weights, kept in zip(_bands(q), saved[::2], saved[1::2], strict=True):
            above = gradient[..., start:end, :]
            dv[..., :end, :] += (weights * kept).mT @ above
            dweights = (above @ v[..., :end, :].mT).mul_(kept)
            dscores = torch._softmax_backward_data(dweights, weights, -1, weights.dtype)
            dq[..., start:end, :] = dscores @ k[..., :end, :]
            dk[..., :end, :] += dscores.mT @ q[..., start:end, :]
        return dq, dk.to(k.dtype), dv.to(v.dtype), None


def _bands(q: Tensor) -> list[tuple[int, int]]:
    positions = q.shape[-2]
    return [(start, min(start + BAND, positions)) for start in range(0, positions, BAND)]


def _random(like: Tensor) -> Tensor:
    """16 random bits for each number of a tensor, of torch's generator, which draws 64 in one go."""
    drawn = torch.empty(-(-like.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    return drawn.view(torch.int16)[: like.numel()].view(like.shape)
