"""Stage 4: the base model fine-tuned through DeepSpeed, and both measured on the held-out part."""

import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline import base_model, curve, engine, generation, heldout
from pipeline.checkpoints import Checkpoints
from pipeline.config import TINY
from pipeline.packing import PackedPosts
from pipeline.posts import read_lines
from pipeline.stage import Context, Result, to_bytes
from pipeline.trainer import Trainer


def run(context: Context) -> Result:
    """Train; write the model's weights, config and tokenizer, the loss curve as numbers and as a picture.

    Result: `before` and `after` (held-out scores), `epoch` (the one kept), `steps`, `tokens`, `seconds`,
    `parameters`, and what it ran on.
    """
    settings, folder = context.config.train, context.scratch / "trained"
    if context.config.base_model == TINY and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)  # its steps are too small to share: a second thread mostly waits (bench/threads)
    torch.manual_seed(settings.seed)
    tokenizer = _tokenizer(context)
    model = base_model.model(context.config, tokenizer, context.base_bot)
    heldout_part = Part(context, tokenizer, "heldout")
    before = _measure(context, model, heldout_part, "before")
    torch.manual_seed(settings.seed)
    validation = Part(context, tokenizer, "validation") if settings.choose == "best" else None
    validate = validation.score if validation else None
    trainer = Trainer(model, _packed(context, tokenizer), settings, folder, validate, Checkpoints(context))
    trainer.run(context.report)
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
        "parameters": sum(weights.numel() for weights in model.parameters()),
        "precision": engine.precision(settings.precision),
        "device": _device(),
        "threads": torch.get_num_threads(),
    }


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
