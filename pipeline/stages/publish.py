"""Stage 7: the bot's pointer moves to this run, once everything that a reader needs is there."""

import time

from pipeline import layout
from pipeline.checkpoints import Checkpoints
from pipeline.errors import StoreError
from pipeline.stage import Context, Result, to_bytes
from pipeline.store import ABSENT

NEEDED = (
    "model.safetensors",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "loss.png",
    "README.md",
    "metrics.json",
    "predictions.png",
)
TRIES = 20  # other runs of the same bot that may publish in between


def run(context: Context) -> Result:
    """Check the model's files, move `latest.json`, and drop the training's checkpoints.

    Result: `model` (its key) and `bytes`.
    """
    files = {entry.key: entry.size for entry in context.store.list(context.keys.model(""))}
    missing = [name for name in NEEDED if not files.get(context.keys.model(name))]
    if missing:
        raise StoreError(f"{context.keys.model('')}: missing or empty: {', '.join(missing)}; nothing was published")
    pointer = {
        "run": context.keys.run,
        "config": context.config.fingerprint(),
        "posts": context.results["scrape"]["fingerprint"],
        "published": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "handles": list(context.config.handles),
        "base_model": context.config.base_model,
        "bits_per_byte": context.results["train"]["after"]["bits_per_byte"],
    }
    _point(context, to_bytes(pointer))
    Checkpoints(context).clear()  # only now: until the training's marker was there, they were all there was of it
    return {"model": context.keys.model(""), "bytes": sum(files.values())}


def _point(context: Context, pointer: bytes) -> None:
    key = layout.latest(context.keys.bot)
    for _ in range(TRIES):
        found = context.store.read(key)
        if context.store.swap(key, pointer, found.version if found else ABSENT):
            return
    raise StoreError(f"{key} was moved by others {TRIES} times in a row; run again to publish")
