import math

import pytest
import torch
from torch.nn import functional

from pipeline.training import heldout, tiny

END = 0


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    return tiny.model(vocabulary=50, end=END, positions=16, seed=1)


def one_by_one(model: torch.nn.Module, posts: list[list[int]]) -> float:
    """The definition, word for word: each post alone, between end tokens, summed."""
    model.eval()
    total = 0.0
    for post in posts:
        whole = torch.tensor([[END, *post, END]])
        with torch.no_grad():
            logits = model(input_ids=whole[:, :-1]).logits[0]
        total += float(functional.cross_entropy(logits, whole[0, 1:], reduction="sum"))
    return total


def test_the_score_is_the_definition_s_whatever_the_batches(model: torch.nn.Module) -> None:
    posts = [[(i * 7 + j) % 49 + 1 for j in range(i % 13)] for i in range(40)]
    score = heldout.score(model, posts, END, text_bytes=500)
    assert score.nats == pytest.approx(one_by_one(model, posts), rel=1e-5)
    assert score.tokens == sum(len(post) + 1 for post in posts)


def test_dropout_is_off_while_scoring_and_on_again_after(model: torch.nn.Module) -> None:
    model.train()
    scores = {heldout.score(model, [[1, 2, 3]] * 5, END, 10).nats for _ in range(3)}
    assert len(scores) == 1
    assert model.training


def test_a_post_longer_than_the_context_is_read_whole(model: torch.nn.Module) -> None:
    post = [i % 49 + 1 for i in range(100)]
    score = heldout.score(model, [post], END, 100)
    assert score.tokens == 101
    windows = [END, *post, END]
    expected = 0.0
    for start in range(0, 101, 16):
        window = torch.tensor([windows[start : start + 17]])
        with torch.no_grad():
            logits = model.eval()(input_ids=window[:, :-1]).logits[0]
        expected += float(functional.cross_entropy(logits, window[0, 1:], reduction="sum"))
    assert score.nats == pytest.approx(expected, rel=1e-5)


def test_perplexity_and_bits_per_byte() -> None:
    score = heldout.Score(nats=100 * math.log(8), tokens=100, posts=10, bytes=150)
    assert score.perplexity == pytest.approx(8)
    assert score.bits_per_byte == pytest.approx(2)
    assert score.to_json()["posts"] == 10
