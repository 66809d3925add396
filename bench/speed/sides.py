"""The ways to train that are compared; each tells the clock when a step ended, and the last step is trained too."""

import contextlib
import functools
import tempfile
from pathlib import Path

import heads
import torch
import transformers

RATE = 1.372e-4


def train(variant, model, inputs, targets, clock):
    {"trainer": trainer, "htctl": htctl, "engine": engine, "plain": plain, "graph": graph}[variant["loop"]](
        variant, model, torch.from_numpy(inputs), torch.from_numpy(targets), clock
    )


def trainer(variant, model, inputs, _targets, clock):
    """transformers' Trainer: as the recipe calls it, or at its best settings."""

    class Callback(transformers.TrainerCallback):
        def on_step_end(self, _arguments, state, _control, **_):
            clock.now(state.global_step)

    best = {} if variant["recipe"] else {
        "bf16": variant["precision"] == "bf16",  # tf32 is on or off for the whole process
        "optim": "adamw_torch_fused", "logging_nan_inf_filter": False, "logging_steps": 1000,
        "dataloader_num_workers": 2 if torch.cuda.is_available() else 0, "torch_compile": bool(variant["compile"]),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            **{"output_dir": folder, "use_cpu": not torch.cuda.is_available(), "num_train_epochs": 1,
               "per_device_train_batch_size": variant["batch"], "learning_rate": variant["rate"],
               "lr_scheduler_type": "cosine", "logging_steps": 5, "save_strategy": "no",
               "train_sampling_strategy": "sequential", "report_to": "none", **best}
        )  # fmt: skip
        data = [{"input_ids": row, "labels": row} for row in inputs]
        transformers.Trainer(model, arguments, train_dataset=data, callbacks=[Callback()]).train()


def htctl(variant, model, inputs, targets, clock):
    """The pipeline's own loop, whole."""
    from pipeline.progress import Report
    from pipeline.training.trainer import Trainer

    class Told(Report):
        @contextlib.contextmanager
        def bar(self, *_):
            yield Steps(clock)

    if variant["before"]:
        as_before()
    with tempfile.TemporaryDirectory() as folder:
        made = Trainer(model, Blocks(inputs, targets), settings(variant, inputs), Path(folder), None)
        made.run(Told())


def as_before():
    """The engine as the first measurement on a GPU had it: nothing spared; a timer waits for the GPU twice a step."""
    from pipeline.training import engine

    now = engine.deepspeed_config
    engine.start = functools.partial(engine.start, spare=False)
    dropped = ("timers", "managed_gradient_accumulation")
    engine.deepspeed_config = lambda train: {key: value for key, value in now(train).items() if key not in dropped}


class Steps:
    def __init__(self, clock):
        self.clock, self.step = clock, 0

    def advance(self, *_):
        self.step += 1
        self.clock.now(self.step)


class Blocks:
    """What Trainer asks of PackedPosts."""

    def __init__(self, inputs, targets):
        self.inputs, self.targets, self.epoch_starts = inputs.numpy(), targets.numpy(), [0, inputs.numel()]

    def __len__(self):
        return self.inputs.size + 1

    def blocks(self, _size):
        return len(self.inputs)

    def block(self, index, _size):
        return self.inputs[index], self.targets[index]


def settings(variant, inputs, **others):
    from pipeline.settings import Train

    return Train(
        epochs=1, batch_size=variant["batch"], block_size=inputs.shape[1], precision=variant["precision"],
        learning_rate=variant["rate"], **others,
    )  # fmt: skip


def engine(variant, model, inputs, targets, clock):
    """DeepSpeed's engine as `pipeline/training/engine.py` starts it, in a loop that waits for nothing."""
    from pipeline.training import engine

    device = torch.device(engine.device())
    loss = heads.Loss(model.to(device).train(), variant)
    if variant["graph"]:
        sample = tuple(part[: variant["batch"]].to(device) for part in (inputs, targets))
        with torch.autocast(device.type, torch.bfloat16, enabled=variant["precision"] == "bf16", cache_enabled=False):
            loss = torch.cuda.make_graphed_callables(loss, sample)
    chosen = {} if variant["clip"] == "engine" else {"max_grad_norm": 0.0}
    running = engine.start(loss, settings(variant, inputs, **chosen), steps(variant, inputs))
    running.train()
    for step, batch in batches(variant, inputs, targets, device):
        running.backward(running(*batch))
        if chosen:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        running.step()
        clock.now(step)


def plain(variant, model, inputs, targets, clock):
    """The same arithmetic in a loop of torch alone."""
    loss, optimizer, schedule, autocast = made(variant, model, inputs)
    for step, batch in batches(variant, inputs, targets, model.device):
        with autocast():
            value = loss(*batch)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        clock.now(step)


def graph(variant, model, inputs, targets, clock):
    """The plain loop's whole step recorded once as a CUDA graph and replayed."""
    loss, optimizer, schedule, autocast = made(variant, model, inputs, capturable=True)
    first = tuple(part[: variant["batch"]].to(model.device) for part in (inputs, targets))

    def step():
        with autocast(cache_enabled=False):
            value = loss(*first)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    record(step, optimizer, variant)
    for number, batch in batches(variant, inputs, targets, model.device):
        for mine, theirs in zip(first, batch, strict=True):
            mine.copy_(theirs)
        variant["replay"]()
        schedule.step()
        clock.now(number)


def record(step, optimizer, variant):
    """Leave `variant["replay"]`: the step as a graph. The steps before that leave no trace: no rate, then no state."""
    if not torch.cuda.is_available():  # to try the rest of it
        variant["replay"] = lambda: (optimizer.zero_grad(), step())
        return
    rates = [group["lr"].clone() for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"].zero_()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            optimizer.zero_grad(set_to_none=True)
            step()
    torch.cuda.current_stream().wait_stream(side)
    optimizer.zero_grad(set_to_none=True)
    recorded = torch.cuda.CUDAGraph()
    with torch.cuda.graph(recorded):
        step()
    for state in optimizer.state.values():
        for value in state.values():
            value.zero_()
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"].copy_(rate)
    variant["replay"] = recorded.replay


def made(variant, model, inputs, capturable=False):
    """(loss module, optimizer, schedule, autocast) of a loop of torch alone."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    capturable = capturable and device == "cuda"
    loss = heads.Loss(model.to(device).train(), variant)
    rate = torch.tensor(variant["rate"], device=device) if capturable else variant["rate"]
    fused = variant["optimizer"] == "fused"
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=rate, weight_decay=0.0, fused=fused, foreach=not fused, capturable=capturable
    )
    schedule = transformers.get_cosine_schedule_with_warmup(optimizer, 0, steps(variant, inputs))

    def autocast(**options):
        return torch.autocast(device, torch.bfloat16, enabled=variant["precision"] == "bf16", **options)

    return loss, optimizer, schedule, autocast


def steps(variant, inputs):
    return -(-len(inputs) // variant["batch"])


def batches(variant, inputs, targets, device):
    """(step, (inputs, targets)) on the device; the copy is under way while the step before is computed."""
    rows = [parts.split(variant["batch"]) for parts in (inputs, targets)]
    for step, batch in enumerate(zip(*rows, strict=True), 1):
        if device.type == "cuda":
            batch = [part.pin_memory() for part in batch]
        yield step, tuple(part.to(device, non_blocking=True) for part in batch)
