"""The same as torch computes it, up to rounding; the random numbers are its own."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from pipeline.training import kernels, tiny

POSITIONS = 300  # two whole bands and a part of one


def inputs() -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(2, 3, POSITIONS, 8, requires_grad=True) for _ in range(3)]


def with_gradients(tensors: list[torch.Tensor], result: torch.Tensor) -> list[torch.Tensor]:
    torch.manual_seed(1)
    return [result, *torch.autograd.grad(result, tensors, torch.randn(result.shape))]


def test_without_dropout_it_is_causal_attention() -> None:
    tensors = inputs()
    ours = with_gradients(tensors, kernels._Causal.apply(*tensors, 0.0))
    plain = with_gradients(tensors, functional.scaled_dot_product_attention(*tensors, is_causal=True, scale=1.0))
    for our, their in zip(ours, plain, strict=True):
        torch.testing.assert_close(our, their)


def test_with_dropout_it_is_what_autograd_makes_of_the_same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    tensors = inputs()
    q, k, v = tensors
    bits = torch.randint(-(2**15), 2**15, (2, 3, POSITIONS, POSITIONS), dtype=torch.int16)
    drawn = iter([bits[..., start:end, :end] for start, end in kernels._bands(q)])
    monkeypatch.setattr(kernels, "_random", lambda like: next(drawn))
    ours = with_gradients(tensors, kernels._Causal.apply(q, k, v, 0.25))
    future = torch.ones(POSITIONS, POSITIONS, dtype=torch.bool).triu(1)
    weights = (q @ k.mT).masked_fill(future, float("-inf")).softmax(-1)
    plain = with_gradients(tensors, (weights * (bits >= -(2**14)) / 0.75) @ v)
    for our, their in zip(ours, plain, strict=True):
        torch.testing.assert_close(our, their)


@pytest.mark.parametrize("dropout", [0.1, 0.5])
def test_as_many_weights_are_dropped_as_asked_for_and_the_rest_made_up_for(dropout: float) -> None:
    torch.manual_seed(0)
    q, ones = torch.zeros(4, 1024, 8), torch.ones(4, 1024, 8)
    sums = kernels._Causal.apply(q, q, ones, dropout)[..., 0]  # the share of the weights kept, scaled to 1
    assert sums.mean() == pytest.approx(1, abs=0.01)
    last = sums[:, -256:] * (1 - dropout)
    assert last.std() == pytest.approx((dropout * (1 - dropout) / 900) ** 0.5, rel=0.2)


def test_random_bits_are_even_and_seeded() -> None:
    torch.manual_seed(0)
    bits = kernels._random(torch.empty(1001, 101))
    torch.manual_seed(0)
    assert torch.equal(bits, kernels._random(torch.empty(1001, 101)))
    counts = torch.bincount(bits.flatten().long() + 2**15, minlength=2**16).view(16, -1).sum(1)
    assert (counts / bits.numel() * 16 - 1).abs().max() < 0.05


def test_a_gpt2_computes_and_saves_the_same_with_it(tmp_path: Path) -> None:
    model = tiny.model(vocabulary=64, end=0, positions=256, seed=0)
    tokens = torch.randint(0, 64, (2, 256))
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    before = model.train()(tokens).logits
    kernels.use(model)
    torch.testing.assert_close(model(tokens).logits, before, atol=1e-5, rtol=1e-4)
    model.save_pretrained(tmp_path)
    assert "causal_with_dropout" not in (tmp_path / "config.json").read_text()
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    torch.testing.assert_close(again(tokens).logits, before, atol=1e-5, rtol=1e-4)


def test_measuring_draws_no_random_numbers_and_training_does() -> None:
    model = tiny.model(vocabulary=64, end=0, positions=32, seed=0).eval()
    tokens = torch.randint(0, 64, (2, 32))
    before = model(tokens).logits
    kernels.use(model)
    state = torch.get_rng_state()
    torch.testing.assert_close(model(tokens).logits, before)
    assert torch.equal(torch.get_rng_state(), state)
    model.train()
    assert not torch.equal(model(tokens).logits, model(tokens).logits)


def test_a_mask_is_heeded() -> None:
    model = tiny.model(vocabulary=64, end=0, positions=32, seed=0)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 1e-9  # there, and too little to change anything
    tokens, mask = torch.randint(0, 64, (2, 32)), torch.ones(2, 32, dtype=torch.long)
    mask[0, :9] = 0
    before = model.train()(tokens, attention_mask=mask).logits
    kernels.use(model)
    torch.testing.assert_close(model(tokens, attention_mask=mask).logits[mask == 1], before[mask == 1])


def test_other_models_stay_as_they_are() -> None:
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=32, **shape))
    kernels.use(model)
    assert model.config._attn_implementation == "sdpa"
