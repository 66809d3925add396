"""Stage 7: the bot's pointer moves to this run, once everything that a reader needs is there."""

from pipeline import accounts, marks, published
from pipeline.errors import StoreError
from pipeline.stage import Context, Result
from pipeline.training.checkpoints import Checkpoints

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


def run(context: Context) -> Result:
    """Check the model's files, move `latest.json`, and drop the training's checkpoints.

    Result: `model` (its key) and `bytes`.
    """
    files = {entry.key: entry.size for entry in context.store.list(context.keys.model(""))}
    missing = [name for name in NEEDED if not files.get(context.keys.model(name))]
    if missing:
        raise StoreError(f"{context.keys.model('')}: missing or empty: {', '.join(missing)}; nothing was published")
    about = {
        "config": context.config.fingerprint(),
        "posts": context.results["scrape"]["fingerprint"],
        "base_model": context.config.base_model,
        "bits_per_byte": context.results["train"]["after"]["bits_per_byte"],
    }
    if taken := _taken_back(context):
        about[marks.KEY] = taken
    published.publish(context.store, context.keys, about, context.config.handles)
    Checkpoints(context).clear()  # only now: until the training's marker was there, they were all there was of it
    return {"model": context.keys.model(""), "bytes": sum(files.values())}


def _taken_back(context: Context) -> dict[str, str]:
    """Why posts of handles were taken back while this run was made, by handle in lower case."""
    found = {}
    for handle, scraped in context.results["scrape"].get("handles", {}).items():
        source = context.config.source_of(handle)
        account = accounts.read(context.shared, source, handle) if "taken" in scraped else None
        if account and account.taken > scraped["taken"]:
            found[handle.lower()] = account.gone or "posts of it were deleted"
    return found
