"""The model with its loss in one module, and ways to come from the last hidden states to the loss.

- full: all logits at once, their cross-entropy in fp32, as the recipe has it
- chunks: 4,096 tokens' logits at a time; their gradient is made at once, so no logits are kept (fp32 softmax)
- chunks16: the same with the softmax kept in bf16, as the gradient of the logits is in autocast anyway

`pad` > 1 multiplies with the embedding padded to a multiple of that many rows, whose logits never count; the
weights keep their shape.
"""

import torch
from torch import nn
from torch.nn import functional
from transformers import AttentionInterface
from transformers.activations import NewGELUActivation
from transformers.integrations.sdpa_attention import sdpa_attention_forward

IGNORED = -100
CHUNK = 4096  # tokens


class Loss(nn.Module):
    """(inputs, targets) -> mean loss over the targets that count."""

    def __init__(self, model, variant):
        super().__init__()
        self.model, self.config = model, model.config
        self.head, self.pad, self.cache = variant["head"], variant["pad"], variant["cache"]
        self.after = cross_entropy
        if variant["lean"]:
            lean(model)
        if variant["compile"] == "blocks":
            for block in model.transformer.h:
                block.compile(dynamic=False)
            self.after = torch.compile(cross_entropy, dynamic=False)
        elif variant["compile"]:
            mode = None if variant["compile"] == "model" else variant["compile"]
            self.forward = torch.compile(self.forward, dynamic=False, mode=mode)

    def set_attn_implementation(self, name):
        self.model.set_attn_implementation(name)

    def forward(self, inputs, targets):
        hidden = self.model.transformer(inputs, use_cache=self.cache).last_hidden_state.flatten(0, 1)
        weight, targets = self.model.lm_head.weight, targets.flatten()
        extra = -len(weight) % self.pad
        if self.head == "full":
            summed = self.after(hidden, weight, targets, extra)
        else:
            summed = Chunked.apply(hidden, weight, targets, extra, self.head == "chunks16")
        return summed / (targets != IGNORED).sum()


def lean(model):
    """GELU as one operation, and attention that asks nothing about masks (which would wait for the GPU)."""
    AttentionInterface.register("bench_causal", causal)
    model.set_attn_implementation("bench_causal")  # no mask is registered by this name, so none is made
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, NewGELUActivation):
                setattr(module, name, nn.GELU(approximate="tanh"))


def causal(module, query, key, value, _mask, **others):
    return sdpa_attention_forward(module, query, key, value, None, **others)


def cross_entropy(hidden, weight, targets, extra):
    if extra:
        logits = functional.linear(hidden, functional.pad(weight, (0, 0, 0, extra)))[:, : len(weight)]
    else:
        logits = functional.linear(hidden, weight)
    return functional.cross_entropy(logits.float(), targets, ignore_index=IGNORED, reduction="sum")


class Chunked(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, weight, targets, extra, narrow):
        kind = hidden.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype
        with torch.autocast(kind, enabled=False):
            rows = functional.pad(weight.to(dtype), (0, 0, 0, extra))
            inputs, summed = hidden.to(dtype), hidden.new_zeros((), dtype=torch.float32)
            to_hidden, to_weight = torch.empty_like(inputs), torch.zeros(rows.shape, device=rows.device)
            for start in range(0, len(inputs), CHUNK):
                part = slice(start, start + CHUNK)
                logits = inputs[part] @ rows.T
                logits[:, len(weight) :] = float("-inf")
                loss, gradient = chunk(logits, targets[part], dtype, narrow)
                summed += loss
                to_hidden[part] = gradient @ rows
                to_weight += gradient.T @ inputs[part]
        ctx.save_for_backward(to_hidden.to(hidden.dtype), to_weight[: len(weight)].to(weight.dtype))
        return summed

    @staticmethod
    def backward(ctx, above):
        to_hidden, to_weight = ctx.saved_tensors
        return to_hidden * above, to_weight * above, None, None, None


def chunk(logits, targets, dtype, narrow):
    """(summed loss, gradient of the logits) of some tokens."""
    counts = targets != IGNORED
    at = targets.where(counts, 0)[:, None]
    if narrow:
        gradient = logits.softmax(-1)
        likelihoods = gradient.gather(1, at).float().clamp_min(1e-38).log()
    else:
        gradient = logits.log_softmax(-1, dtype=torch.float32)
        likelihoods = gradient.gather(1, at)
        gradient.exp_()
    gradient.scatter_add_(1, at, torch.full_like(at, -1, dtype=gradient.dtype))
    gradient *= counts[:, None]
    return -(likelihoods[:, 0] * counts).sum(), gradient.to(dtype)
