"""The same as transformers, torch and DeepSpeed compute it, up to rounding; on a CPU, where it is not used."""

from typing import Any

import pytest
import torch
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from pipeline.training import gpu, tiny
from pipeline.training.packing import IGNORED

VOCABULARY, SIZE = 101, 16  # no multiple of anything


class Engine:
    """As DeepSpeed's: autocast is around the model, not around what is made of its result."""

    def __init__(self, module: Any, narrow: bool = False, stage: int = 0, dtype: Any = torch.bfloat16) -> None:
        self.module, self.narrow, self.stage, self.dtype = module, narrow, stage, dtype

    def __call__(self, **inputs: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.narrow):
            return self.module(**inputs)

    def zero_optimization_stage(self) -> int:
        return self.stage

    def torch_autocast_enabled(self) -> bool:
        return self.narrow

    def torch_autocast_dtype(self) -> torch.dtype:
        return self.dtype


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    inputs, targets = torch.randint(0, VOCABULARY, (2, 3, SIZE))
    targets[-1, 4:] = IGNORED
    return inputs, targets


def plain(model: Any, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    logits = model(input_ids=inputs).logits.float()
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum")


def gradients(model: Any, loss: torch.Tensor) -> list[torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return [weights.grad.clone() for weights in model.parameters()]


@pytest.mark.parametrize("chunk", [7, 16, 4096])
def test_loss_and_gradients_are_the_model_s(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "CHUNK", chunk)
    model, whole = (tiny.model(VOCABULARY, 0, SIZE, 0).eval() for _ in range(2))
    gpu.spare(model)
    ours, theirs = gpu.loss(Engine(model), *batch()), plain(whole, *batch())
    torch.testing.assert_close(ours, theirs)
    for our, their in zip(gradients(model, ours / 3), gradients(whole, theirs / 3), strict=True):
        torch.testing.assert_close(our, their, rtol=1e-4, atol=1e-6)


def test_in_autocast_it_is_as_near_as_bf16_is(monkeypatch: pytest.MonkeyPatch) -> None:
    model, whole = (tiny.model(VOCABULARY, 0, SIZE, 0).eval() for _ in range(2))
    gpu.spare(model)
    with torch.autocast("cpu", torch.bfloat16):
        theirs = plain(whole, *batch())
    seen = []
    chunk = gpu._chunk
    monkeypatch.setattr(gpu, "_chunk", lambda logits, targets: (seen.append(logits.dtype), chunk(logits, targets))[1])
    ours = gpu.loss(Engine(model, narrow=True), *batch())
    assert (seen, ours.dtype) == ([torch.bfloat16], torch.float32)
    torch.testing.assert_close(ours, theirs, rtol=2e-3, atol=0)
    for our, their in zip(gradients(model, ours), gradients(whole, theirs), strict=True):
        assert (our - their).norm() <= 0.03 * their.norm()


def test_a_loss_that_is_no_number_stays_none() -> None:
    model = tiny.model(VOCABULARY, 0, SIZE, 0)
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    assert not gpu.loss(Engine(model), *batch()).isfinite()


def test_attention_looks_at_nothing_to_come() -> None:
    model = tiny.model(VOCABULARY, 0, SIZE, 0).eval()
    gpu.spare(model)
    inputs, _ = batch()
    before = model(input_ids=inputs).logits
    inputs[:, SIZE // 2 :] += 1
    after = model(input_ids=inputs % VOCABULARY).logits
    torch.testing.assert_close(after[:, : SIZE // 2], before[:, : SIZE // 2])
    assert not torch.equal(after[:, -1], before[:, -1])


def test_other_models_stay_as_they_are() -> None:
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=VOCABULARY, **shape))
    before, engine = model.config._attn_implementation, Engine(model)
    gpu.use(engine, 1.0)
    assert model.config._attn_implementation == before
    assert hasattr(engine, "clip_fp32_gradients")
    assert not hasattr(engine, "summed_loss")
    assert not hasattr(engine, "recorded")


@pytest.mark.parametrize(
    ("stage", "expected"),
    [(0, ["clip_fp32_gradients", "recorded", "summed_loss"]), (1, ["summed_loss"]), (2, ["summed_loss"]), (3, [])],
)
def test_each_stage_takes_what_it_can_bear(stage: int, expected: list[str]) -> None:
    engine = Engine(tiny.model(VOCABULARY, 0, SIZE, 0), narrow=True, stage=stage)
    had = set(vars(engine))
    gpu.use(engine, 1.0)
    assert sorted(set(vars(engine)) - had) == expected
    assert engine.module.config._attn_implementation == gpu.NAME


def test_fp16_has_no_gradients_made_before_the_loss_is_scaled() -> None:
    engine: Any = Engine(tiny.model(VOCABULARY, 0, SIZE, 0), narrow=True, dtype=torch.float16)
    gpu.use(engine, 1.0)
    assert engine.module.config._attn_implementation == gpu.NAME
    assert not hasattr(engine, "summed_loss")
    assert not hasattr(engine, "recorded")


@pytest.mark.parametrize("norm", [1e-2, 1e3])
def test_gradients_are_shortened_to_the_norm_that_is_asked_for(norm: float) -> None:
    model = tiny.model(VOCABULARY, 0, SIZE, 0)
    running: Any = Engine(model)
    gpu.use(running, norm)
    before = gradients(model, plain(model, *batch()))
    long = torch.stack([gradient.norm() for gradient in before]).norm()
    running.clip_fp32_gradients()
    factor = min(1.0, norm / float(long))
    for weights, was in zip(model.parameters(), before, strict=True):
        torch.testing.assert_close(weights.grad, was * factor, rtol=1e-3, atol=1e-9)
