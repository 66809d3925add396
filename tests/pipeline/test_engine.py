import os
import subprocess
import sys

import pytest

from pipeline import engine
from pipeline.config import Train


def test_the_config_asks_for_what_the_settings_say() -> None:
    config = engine.deepspeed_config(Train(batch_size=3, max_grad_norm=0.5, zero_stage="2", precision="bf16"))
    assert config["train_micro_batch_size_per_gpu"] == 3
    assert config["gradient_clipping"] == 0.5
    assert config["zero_optimization"] == {"stage": 2}
    assert config["torch_autocast"] == {"enabled": True, "dtype": "bfloat16"}
    assert "torch_autocast" not in engine.deepspeed_config(Train(precision="fp32"))


@pytest.mark.parametrize("wanted", ["bf16", "fp32"])
def test_a_named_precision_is_taken_as_it_is(wanted: str) -> None:
    assert engine.precision(wanted) == wanted


def test_auto_is_one_that_this_machine_has() -> None:
    assert engine.precision("auto") in ("bf16", "fp32")


def test_leave_ends_at_once_with_all_that_was_printed() -> None:
    code = (
        "import atexit, sys; from pipeline import engine\n"
        "atexit.register(print, 'interpreter shutdown ran')\n"
        "print('printed'); engine.leave(7)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (7, "printed\n")


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_steps_lower_the_loss_without_compiler_or_port(precision: str) -> None:
    """A real DeepSpeed engine in a process with an empty PATH, that may open no listening socket."""
    code = f"""
import socket, torch
def refuse(*_): raise OSError("a port was opened")
socket.socket.listen = refuse
from pipeline import engine, tiny
from pipeline.config import Train
torch.manual_seed(0)
model = tiny.model(64, 0, 16, 0)
running = engine.start(model, Train(batch_size=2, learning_rate=1e-2, precision={precision!r}, schedule="constant"), 30)
assert type(running).__name__ == "DeepSpeedEngine", type(running)
tokens = torch.randint(1, 64, (2, 16))
losses = []
for _ in range(30):
    loss = running(input_ids=tokens, labels=tokens).loss
    running.backward(loss)
    running.step()
    losses.append(loss.item())
assert next(model.parameters()).dtype == torch.float32
print(losses[0] > 4 > 1 > losses[-1], flush=True)
engine.leave(0)
"""
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "", "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout.strip().splitlines()[-1:]) == (0, ["True"]), result.stderr
