"""Base models that are bots of the store: `bot:BOT` becomes the very run, so that a config says which it is."""

import dataclasses

from htctl import options
from htctl.batch import Batch, Group
from pipeline import published
from pipeline.basemodels import BOT, is_bot
from pipeline.errors import ConfigError
from pipeline.layout import RunKeys
from pipeline.store import Store
from pipeline.store.objects import read_json


def pinned(batch: Batch, store: Store) -> Batch:
    """The batch with every base model `bot:BOT` as `bot:ID/RUN`; raises ConfigError where there is none."""
    if not any(is_bot(group.settings.base_model) for group in batch.groups):
        return batch
    return dataclasses.replace(batch, groups=tuple(_pinned(group, store) for group in batch.groups))


def _pinned(group: Group, store: Store) -> Group:
    if not is_bot(group.settings.base_model):
        return group
    base_model = named(store, group.settings.base_model).base_model
    return dataclasses.replace(group, settings=dataclasses.replace(group.settings, base_model=base_model))


def named(store: Store, base_model: str) -> RunKeys:
    """The run that `bot:BOT` or `bot:BOT/RUN` names.

    Without a run it is the bot's current one. Where that was itself made from one of this bot, it is the one that it
    all began with: so a bot that goes on from its own past is the same run when the same command is given again.
    """
    given, _, run = base_model.removeprefix(BOT).partition("/")
    try:
        bot = options.existing_bot(store, given)
    except ConfigError as error:
        raise ConfigError(f"base_model '{base_model}': {error}") from None
    keys = RunKeys(bot, run) if run else _first(store, published.current_run(store, bot))
    if not store.exists(keys.model("model.safetensors")):
        raise ConfigError(f"base_model '{base_model}': {store.place(keys.model('model.safetensors'))} is missing")
    return keys


def _first(store: Store, keys: RunKeys) -> RunKeys:
    """The run of this bot that a run goes back to; a run is made once, after what it was made from, so this ends."""
    begun = read_json(store, keys.config).get("asked", {}).get("base_model", "")
    own = f"{BOT}{keys.bot}/"
    return _first(store, RunKeys(keys.bot, begun.removeprefix(own))) if begun.startswith(own) else keys
