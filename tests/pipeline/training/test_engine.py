import os
import subprocess
import sys
from pathlib import Path

import pytest
import transformers

from pipeline.settings import Train
from pipeline.training import engine, tiny


def test_the_config_asks_for_what_the_settings_say() -> None:
    config = engine.deepspeed_config(Train(batch_size=3, max_grad_norm=0.5, zero_stage="2", precision="bf16"))
    assert config["train_micro_batch_size_per_gpu"] == 3
    assert config["gradient_clipping"] == 0.5
    assert config["timers"] == {"throughput": {"enabled": False}}
    assert config["zero_optimization"] == {"stage": 2}
    assert config["torch_autocast"] == {"enabled": True, "dtype": "bfloat16", "lower_precision_safe_modules": []}
    assert "torch_autocast" not in engine.deepspeed_config(Train(precision="fp32"))
    assert engine.deepspeed_config(Train(precision="fp16"))["torch_autocast"]["dtype"] == "float16"


def test_adamw_s_state_is_offloaded_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine.deepspeed_config(Train(zero_stage="1"))["zero_optimization"] == {"stage": 1}
    for device, pinned in (("cpu", False), ("cuda", True)):
        monkeypatch.setattr(engine, "device", lambda device=device: device)
        config = engine.deepspeed_config(Train(zero_stage="1", precision="fp32", offload_optimizer=True))
        assert config["zero_optimization"]["offload_optimizer"] == {"device": "cpu", "pin_memory": pinned}
        assert config["zero_force_ds_cpu_optimizer"] is False  # DeepSpeed's own is compiled at first use


@pytest.mark.parametrize("wanted", ["bf16", "fp16", "fp32"])
def test_a_named_precision_is_taken_as_it_is(wanted: str) -> None:
    assert engine.precision(wanted) == wanted


def test_auto_is_one_that_this_machine_has() -> None:
    assert engine.precision("auto") in ("bf16", "fp32")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "stage"), [("fp32", "0"), ("bf16", "0"), ("fp32", "1"), ("fp32", "2"), ("fp32", "3")]
)
def test_steps_lower_the_loss_and_whole_weights_are_saved(precision: str, stage: str, tmp_path: Path) -> None:
    """A real DeepSpeed engine in a process with an empty PATH, that may open no listening socket."""
    code = f"""
import os, socket, torch
from pathlib import Path
from pipeline.training import weights
def refuse(*_): raise OSError("a port was opened")
socket.socket.listen = refuse
from pipeline.training import engine
from pipeline.training import tiny
from pipeline.settings import Train
torch.manual_seed(0)
model = tiny.model(64, 0, 16, 0)
running = engine.start(model, Train(batch_size=2, learning_rate=1e-2, precision={precision!r}, zero_stage={stage!r},
                                     schedule="constant"), 30)
assert type(running).__name__ == "DeepSpeedEngine", type(running)
tokens = torch.randint(1, 64, (2, 16))
losses = []
for _ in range(30):
    loss = running(input_ids=tokens, labels=tokens).loss
    running.backward(loss)
    running.step()
    losses.append(loss.item())
assert next(model.parameters()).dtype == torch.float32
weights.save(model, Path({str(tmp_path)!r}))
print(losses[0] > 4 > 1 > losses[-1], flush=True)
os._exit(0)
"""
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "", "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout.strip().splitlines()[-1:]) == (0, ["True"]), result.stderr
    saved = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert sum(weights.numel() for weights in saved.parameters()) == sum(
        weights.numel() for weights in tiny.model(64, 0, 16, 0).parameters()
    )


def test_memory_of_one_step_serves_the_next() -> None:
    """In a process of its own, since it is for good: pages fetched anew, before and after."""
    code = """
import resource, torch
from pipeline.training import engine
def fetched():
    torch.ones(16_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.ones(16_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
by_default = fetched()
engine._keep_memory()
fetched()
print(fetched() < by_default / 4)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout.split() == ["True"], result.stderr


def test_warm_up_and_weight_decay_reach_the_optimiser() -> None:
    """In a process of its own: what the engine was given is read back from it."""
    code = """
import os
from pipeline.training import engine
from pipeline.training import tiny
from pipeline.settings import Train
running = engine.start(tiny.model(64, 0, 16, 0), Train(warmup=0.5, weight_decay=0.25, learning_rate=1.0), 10)
group = running.optimizer.param_groups[0]
rates = []
for _ in range(10):
    rates.append(round(running.get_lr()[0], 3))
    running.lr_scheduler.step()
print(group["weight_decay"], rates[0], rates[5], rates[9] < 0.1 < rates[7], flush=True)
os._exit(0)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout.strip().splitlines()[-1:] == ["0.25 0.0 1.0 True"], result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["0", "1", "2", "3"])
def test_a_step_in_parts_is_the_step(stage: str) -> None:
    """Without dropout: losses and weights of steps in one part, in equal parts, unequal ones, and as a GPU has them."""
    code = f"""
import os, torch
from pipeline.training import engine
from pipeline.training import tiny
from pipeline.settings import Train
from pipeline.training.steps import Steps
from pipeline.training.weights import whole
torch.manual_seed(0)
tokens = torch.randint(1, 64, (3, 4, 17))
for part, spare in ((4, False), (2, False), (3, False), (3, True)):
    model = tiny.model(64, 0, 16, 0)
    running = engine.start(model, Train(batch_size=4, learning_rate=1e-2, precision="fp32", zero_stage={stage!r},
                                         schedule="constant"), 3, spare=spare)
    running.eval()
    steps = Steps(running, lambda step: (tokens[step - 1, :, :-1], tokens[step - 1, :, 1:]), part, 3)
    losses = [steps.take(step)[0] for step in (1, 2, 3)]
    norms = []
    for weight in model.parameters():
        with whole(weight):
            norms.append(weight.double().norm().item())
    print(*losses, *norms, flush=True)
os._exit(0)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    whole, *others = ([float(word) for word in line.split()] for line in result.stdout.strip().splitlines()[-4:])
    assert len(set(whole[:3])) == 3
    assert others == [pytest.approx(whole, rel=1e-4)] * 3
