"""fp16 on a CPU, which computes it slowly: what is kept, and what is done about gradients that are too large."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from pipeline.training import scaling
from tests.pipeline.training.test_parted import CLOSE, stopped, trained
from tests.pipeline.training.test_ranks import losses, small

__all__ = ["small"]


def test_an_engine_without_a_scaler_has_nothing_to_keep() -> None:
    engine: Any = object()
    assert scaling.state(engine) == {}
    scaling.restore(engine, {})


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["0", "1", "3"])
def test_a_step_with_gradients_that_are_too_large_is_left_out_and_the_scale_halved(stage: str) -> None:
    code = f"""
import os, torch
from pipeline.settings import Train
from pipeline.training import engine, tiny
from pipeline.training.weights import whole
torch.manual_seed(0)
model = tiny.model(64, 0, 16, 0)
running = engine.start(model, Train(batch_size=2, precision="fp16", zero_stage={stage!r}, schedule="constant"), 4)
tokens, first = torch.randint(1, 64, (2, 16)), next(model.parameters())
def norm():
    with whole(first):
        return first.double().norm().item()
def scale():
    scaler = running.torch_autocast_z0_gradscaler
    return scaler.get_scale() if scaler else running.optimizer.loss_scale
norms, scales = [norm()], [scale()]
for factor in (1.0, 1e36, 1.0):
    running.backward(running(input_ids=tokens, labels=tokens).loss * factor)
    running.step()
    norms.append(norm())
    scales.append(scale())
print([scale / 2**12 for scale in scales], [a != b for a, b in zip(norms, norms[1:])], flush=True)
os._exit(0)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines()[-1:] == ["[1.0, 1.0, 0.5, 0.5] [True, False, True]"], ran.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "first", "then"), [("1", 1, 2), *(pytest.param(stage, 2, 2, marks=pytest.mark.long) for stage in "03")]
)
def test_a_training_in_fp16_ends_as_in_fp32_and_goes_on_to_the_bit(
    tmp_path: Path, stage: str, first: int, then: int
) -> None:
    given: dict[str, Any] = {"zero_stage": stage, "precision": "fp16", "micro_batch": 1}
    plain = trained(tmp_path / "fp32", 1, precision="fp32", zero_stage="0")
    again, _ = stopped(tmp_path, first, then, **given)
    assert losses(again) == pytest.approx(losses(plain), abs=CLOSE["bf16"][0])
    if first == then:
        unbroken = trained(tmp_path, first, **given)
        assert again.history == unbroken.history
        found, expected = (load_file(path / "trained" / "model.safetensors") for path in (tmp_path / "then", tmp_path))
        assert all(found[name].equal(expected[name]) for name in expected)


@pytest.mark.slow
def test_an_engine_after_one_in_fp16_scales_nothing() -> None:
    code = """
import os
from pipeline.settings import Train
from pipeline.training import engine, tiny
for precision in ("fp16", "fp32"):
    running = engine.start(tiny.model(64, 0, 16, 0), Train(precision=precision, zero_stage="1"), 4)
    print(running.optimizer.torch_autocast_gradscaler, running.optimizer.loss_scale, flush=True)
os._exit(0)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines()[-2:] == ["None 4096.0", "None 1.0"], ran.stderr


@pytest.mark.slow
def test_what_a_scaler_has_learnt_is_kept() -> None:
    code = """
import os
from pipeline.settings import Train
from pipeline.training import engine, scaling, tiny
running = engine.start(tiny.model(64, 0, 16, 0), Train(precision="fp16", zero_stage="0"), 4)
before = scaling.state(running)
scaling.restore(running, before | {"scale": 32.0, "_growth_tracker": 7})
after = scaling.state(running)
print(before["scale"], after["scale"], after["_growth_tracker"], flush=True)
os._exit(0)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines()[-1:] == ["4096.0 32.0 7"], ran.stderr
