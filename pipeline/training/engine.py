"""DeepSpeed's engine around a model: the same code on CPU and GPU, with no compiler or launcher.

What is worked around here, and why:
- DeepSpeed compiles a shared-memory op for CPUs at first use; marking it incompatible leaves gloo alone.
- Its own optimisers are compiled too; torch's fused AdamW is not, and is on its list for every ZeRO stage.
- It averages gradients over the processes: at stage 0, of one too, `group.py` adds them up instead; at the others
  each one's loss is multiplied by how many they are (`steps.py`).
- A gloo thread can abort the interpreter after all is done: `pipeline/__main__.py` ends without its shutdown.
"""

import contextlib
import ctypes
import os
import sys
from typing import Any

import torch

from pipeline.settings import Train
from pipeline.training import scaling

DTYPES = {"bf16": "bfloat16", "fp16": "float16"}  # by precision
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # glibc's numbers for mallopt


def device() -> str:
    """`cuda` where there is a GPU, else `cpu`."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def precision(wanted: str) -> str:
    """`bf16`, `fp16` or `fp32`; `auto` is the first that this machine has, but not fp16."""
    if wanted != "auto":
        return wanted
    if device() == "cuda":
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has_bf16 = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return "bf16" if has_bf16 else "fp32"


def start(model: Any, train: Train, steps: int, *, spare: bool | None = None) -> Any:
    """A DeepSpeed engine that trains `model` for `steps` steps: `engine(...)`, `.backward(loss)`, `.step()`.

    `spare` is whether it has what `gpu.py` brings; None: where there is a GPU.
    """
    os.environ.setdefault("DS_ACCELERATOR", device())
    import deepspeed
    import transformers

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    _join_group()
    if device() == "cpu":
        from pipeline.training import kernels

        _keep_memory()
        kernels.use(model)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=train.learning_rate, weight_decay=train.weight_decay, fused=True
    )
    schedule = transformers.get_scheduler(
        train.schedule, optimizer, num_warmup_steps=int(train.warmup * steps), num_training_steps=steps
    )
    engine, *_ = deepspeed.initialize(
        model=model.to(device()), optimizer=optimizer, lr_scheduler=schedule, config=deepspeed_config(train)
    )
    if engine.zero_optimization_stage() == 0:
        engine.enable_backward_allreduce = False
    scaling.use(engine, narrow=precision(train.precision) == "fp16")
    if spare or (spare is None and device() == "cuda"):
        from pipeline.training import gpu

        gpu.use(engine, train.max_grad_norm)
    return engine


def deepspeed_config(train: Train) -> dict[str, Any]:
    """DeepSpeed's config; weights stay in fp32, and what is narrower is DeepSpeed's own autocast."""
    config: dict[str, Any] = {
        "train_micro_batch_size_per_gpu": train.batch_size,
        "gradient_accumulation_steps": 1,
        "managed_gradient_accumulation": False,  # a step may be any number of `backward`s
        "gradient_clipping": train.max_grad_norm,
        "zero_optimization": {"stage": 0 if train.zero_stage == "auto" else int(train.zero_stage)},
        "steps_per_print": sys.maxsize,
        "timers": {"throughput": {"enabled": False}},  # it waits for the GPU before and after each step
    }
    if train.offload_optimizer:
        config["zero_optimization"]["offload_optimizer"] = {"device": "cpu", "pin_memory": device() == "cuda"}
        config["zero_force_ds_cpu_optimizer"] = False  # torch's fused AdamW will do; DeepSpeed's has to be compiled
    dtype = DTYPES.get(precision(train.precision))
    if dtype:
        # Else some weights travel as narrow, not always by the same way at stage 3: none would go on to the bit.
        config["torch_autocast"] = {"enabled": True, "dtype": dtype, "lower_precision_safe_modules": []}
    return config


def _keep_memory() -> None:
    """Have glibc keep freed memory for the next step: handing it back and fetching it, page by page, is slow.

    By default every large tensor is a mapping of its own, made and unmade each time (`bench/train`).
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1)):
            mallopt(option, value)


def _join_group() -> None:
    """Unless there is one, a process group of one, kept in memory: no port is opened and no host name looked up."""
    if torch.distributed.is_initialized():
        return
    os.environ.update(RANK="0", WORLD_SIZE="1", LOCAL_RANK="0")
    backend = "nccl" if device() == "cuda" else "gloo"
    store = torch.distributed.HashStore()  # type: ignore[attr-defined]
    torch.distributed.init_process_group(backend, store=store, rank=0, world_size=1)
