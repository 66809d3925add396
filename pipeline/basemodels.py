"""What a base model can be: one of a hub, a folder, a bot of the store, or `tiny`."""

TINY = "tiny"
BOT = "bot:"  # before a bot of the store as base model: bot:ID/RUN


def is_folder(base_model: str) -> bool:
    """Whether a base model is a folder of this machine; else it is a hub id or `tiny`."""
    return base_model.startswith((".", "/"))


def is_bot(base_model: str) -> bool:
    """Whether a base model is a bot of the store that the run is made in: `bot:ID/RUN`."""
    return base_model.startswith(BOT)


def is_on_hub(base_model: str) -> bool:
    """Whether a base model is one that a hub has."""
    return base_model != TINY and not is_folder(base_model) and not is_bot(base_model)


def public_name(base_model: str) -> str:
    """A base model as the world may see it: where a folder lies is nobody's business."""
    if is_bot(base_model):
        return base_model.removeprefix(BOT)
    return base_model.rstrip("/").rpartition("/")[2] if is_folder(base_model) else base_model
