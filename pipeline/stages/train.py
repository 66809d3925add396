"""Stage 4: the base model fine-tuned through DeepSpeed, and both measured on the held-out part."""

import dataclasses
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline import generation, nodes
from pipeline.basemodels import TINY
from pipeline.nodes import Node
from pipeline.pictures import curve
from pipeline.posts import read_lines
from pipeline.stage import Context, Result
from pipeline.store.objects import to_bytes
from pipeline.training import base_model, engine, heldout, ranks, zero
from pipeline.training.checkpoints import Checkpoints
from pipeline.training.packing import PackedPosts
from pipeline.training.trainer import Trainer
from pipeline.training.watchdog import Watchdog


def run(context: Context) -> Result:
    """Train; write the model's weights, config and tokenizer, the loss curve as numbers and as a picture.

    Result: `before` and `after` (held-out scores), `epoch` (the one kept), `steps`, `tokens`, `seconds`,
    `parameters`, and what it ran on.
    """
    settings, folder, node = context.config.train, context.scratch / "trained", nodes.here()
    tokenizer, model = _begin(context)
    heldout_part = Part(context, tokenizer, "heldout")
    before = _measure(context, model, heldout_part, "before")
    processes = ranks.wanted(context.config.resources)
    trainer = _trainer(context, tokenizer, model, processes, node)
    _train(context, trainer, processes, node)
    after = _measure(context, _saved(folder), heldout_part, "after")
    curve.draw(trainer.history, f"{context.keys.bot} ({context.keys.run})", trainer.epoch, folder / "loss.png")
    _write(context, folder, tokenizer, trainer.history)
    return {
        "before": before,
        "after": after,
        "epoch": trainer.epoch,
        "steps": trainer.done,
        "tokens": trainer.tokens,
        "seconds": round(trainer.seconds, 1),
        "parameters": _parameters(model),
        "precision": engine.precision(settings.precision),
        "device": _device(),
        "threads": torch.get_num_threads(),
        **({"processes": processes} if processes > 1 else {}),
        **({"nodes": node.count} if node.count > 1 else {}),
        **({"zero_stage": trainer.stage} if trainer.stage else {}),
        **({"offload_optimizer": True} if settings.offload_optimizer else {}),
    }


def join(context: Context, node: Node) -> None:
    """Take part in the training of a run that another node makes: with the same model and posts, and no word of it."""
    tokenizer, model = _begin(context)
    processes = ranks.wanted(context.config.resources)
    _train(context, _trainer(context, tokenizer, model, processes, node), processes, node)


def _begin(context: Context) -> tuple[Any, Any]:
    """The tokenizer, and the model as it is before the training."""
    if context.config.base_model == TINY and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)  # its steps are too small to share: a second thread mostly waits (bench/threads)
    torch.manual_seed(context.config.train.seed)
    tokenizer = _tokenizer(context)
    return tokenizer, base_model.model(context.config, tokenizer, context.base_bot)


def _trainer(context: Context, tokenizer: Any, model: Any, processes: int, node: Node) -> Trainer:
    settings = dataclasses.replace(context.config.train, zero_stage=_zero_stage(context, model, processes, node))
    torch.manual_seed(settings.seed)
    validation = Part(context, tokenizer, "validation") if settings.choose == "best" else None
    validate, posts = validation.score if validation else None, _packed(context, tokenizer)
    return Trainer(model, posts, settings, context.scratch / "trained", validate, Checkpoints(context))


def _zero_stage(context: Context, model: Any, processes: int, node: Node) -> str:
    """The one that is asked for; else that of the training under way; else the lowest that fits the memory."""
    asked = context.config.train.zero_stage
    if asked != "auto":
        return asked
    kept = Checkpoints(context).newest()
    if kept:
        return str(kept[1].get("zero", 0))
    offload = context.config.train.offload_optimizer
    stage, why = zero.choose(_parameters(model), processes * node.count, zero.memory(processes), offload=offload)
    if why:
        context.report.line(f"train: {why}")
    return str(stage)


def _parameters(model: Any) -> int:
    return sum(weights.numel() for weights in model.parameters())


def _train(context: Context, trainer: Trainer, processes: int, node: Node) -> None:
    """Train in this process, or in several on each node."""
    limits = context.config.limits
    if processes * node.count == 1:
        with Watchdog(60 * limits.step_minutes, sys.__stderr__ or sys.stderr) as trainer.watchdog:
            trainer.run(context.report)
    else:
        ranks.train(trainer, processes, context.report, context.scratch, Checkpoints(context), node, limits)


class Part:
    """A part of the posts as token ids, ready to be scored."""

    def __init__(self, context: Context, tokenizer: Any, name: str) -> None:
        texts = [record["text"] for record in read_lines(context.local(context.keys.dataset(f"{name}.jsonl.gz")))]
        self.ids = base_model.plain_tokens(tokenizer, texts)
        self.bytes = sum(len(text.encode()) for text in texts)
        self.end = tokenizer.eos_token_id

    def score(self, model: Any) -> heldout.Score:
        """The model's score on this part."""
        return heldout.score(model, self.ids, self.end, self.bytes)


def _measure(context: Context, model: Any, part: Part, when: str) -> dict[str, float]:
    score = part.score(model.to(engine.device()))
    context.report.line(
        f"train: held-out {when}: {score.bits_per_byte:.3f} bits per byte, perplexity {score.perplexity:,.1f}"
    )
    return score.to_json()


def _tokenizer(context: Context) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(context.local_folder(context.keys.dataset("tokenizer")))


def _packed(context: Context, tokenizer: Any) -> PackedPosts:
    settings = context.config.train
    tokens = np.memmap(context.local(context.keys.dataset("tokens.bin")), dtype=np.int32, mode="r")
    offsets, owners = (np.load(context.local(context.keys.dataset(name))) for name in ("offsets.npy", "owners.npy"))
    return PackedPosts(tokens, offsets, owners, end=tokenizer.eos_token_id, epochs=settings.epochs, seed=settings.seed)


def _saved(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype="float32")


def _write(context: Context, folder: Path, tokenizer: Any, history: list[dict[str, Any]]) -> None:
    """The model as `from_pretrained` takes it, with how it generates; the loss as numbers."""
    generation.settings(context.config.generate, tokenizer).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "loss.json").write_bytes(to_bytes(history))
    context.upload_folder(folder, context.keys.model(""))


def _device() -> str:
    if engine.device() == "cuda":
        return str(torch.cuda.get_device_name())
    return f"CPU ({platform.machine()})"
