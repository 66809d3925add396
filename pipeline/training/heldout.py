"""Held-out loss, defined once: how well a model foretells posts that it was not trained on.

Each post stands alone: after the end token, its own end token included. The negative log-likelihoods of
all its tokens, in fp32 and without dropout, are summed over all posts. Perplexity is that sum per token;
bits per byte is it per byte of the posts' UTF-8 text, so that models with different tokenizers compare.
A post longer than the model's context is read in windows that lie side by side.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

TOKENS_AT_ONCE = 4096


@dataclass(frozen=True)
class Score:
    """The summed loss in nats over so many tokens, of so many posts and bytes."""

    nats: float
    tokens: int
    posts: int
    bytes: int

    @property
    def perplexity(self) -> float:
        """e to the loss per token."""
        return math.exp(min(self.nats / self.tokens, 700))

    @property
    def bits_per_byte(self) -> float:
        """The loss in bits for each byte of text."""
        return self.nats / math.log(2) / self.bytes

    def to_json(self) -> dict[str, float]:
        """Numbers for markers, the card and metrics.json."""
        return {
            "nats": self.nats,
            "tokens": self.tokens,
            "posts": self.posts,
            "bytes": self.bytes,
            "perplexity": self.perplexity,
            "bits_per_byte": self.bits_per_byte,
        }


def score(model: Any, posts: list[list[int]], end: int, text_bytes: int) -> Score:
    """The score of a causal language model on posts given as token ids; `text_bytes` is their texts' size."""
    was_training = model.training
    model.eval()
    nats = 0.0
    with torch.inference_mode(), torch.autocast(model.device.type, enabled=False):
        for inputs, targets in _batches(posts, end, model.config.max_position_embeddings):
            logits = model(input_ids=inputs.to(model.device)).logits.float()
            nats += functional.cross_entropy(
                logits.flatten(0, 1), targets.to(model.device).flatten(), ignore_index=-100, reduction="sum"
            ).item()
    model.train(was_training)
    return Score(nats, sum(len(post) + 1 for post in posts), len(posts), text_bytes)


def _batches(posts: list[list[int]], end: int, context: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """(inputs, targets) of windows of like length; padding stands right, where a causal model does not look."""
    windows = []
    for post in posts:
        whole = [end, *post, end]
        windows += [whole[start : start + context + 1] for start in range(0, len(whole) - 1, context)]
    windows.sort(key=len)
    while windows:
        width = len(windows[-1]) - 1
        count = max(1, TOKENS_AT_ONCE // width)
        batch = windows[-count:]
        del windows[-count:]
        inputs = torch.full((len(batch), width), end)
        targets = torch.full((len(batch), width), -100)
        for row, window in enumerate(batch):
            inputs[row, : len(window) - 1] = torch.tensor(window[:-1])
            targets[row, : len(window) - 1] = torch.tensor(window[1:])
        yield inputs, targets
