"""Which groups of a batch file a command is about."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from htctl import batchfile
from htctl.batchfile import Batch
from pipeline import config, identity
from pipeline.errors import ConfigError


def load(file: Path, overrides: Mapping[str, Any], groups: Sequence[str], name: str) -> Batch:
    """A batch file with the groups that are asked for (all where none is) and another name where one is given."""
    return renamed(only(batchfile.load(file, overrides), groups), name)


def only(batch: Batch, wanted: Sequence[str]) -> Batch:
    """The groups of a batch that are asked for, by bot or by handles; all where none is named."""
    by_bot = {group.bot: group for group in batch.groups}
    bots = [text if text in by_bot else identity.bot_id(config.SOURCES[0], identity.named(text)) for text in wanted]
    for bot, text in zip(bots, wanted, strict=True):
        if bot not in by_bot:
            raise ConfigError(f"{text} is no group of the batch file; it has {', '.join(by_bot)}")
    return dataclasses.replace(batch, groups=tuple(by_bot[bot] for bot in dict.fromkeys(bots))) if bots else batch


def renamed(batch: Batch, name: str) -> Batch:
    """The batch under another name, where one is given."""
    if not name:
        return batch
    if not config.BATCH.fullmatch(name):
        raise ConfigError(f"--batch {name}: must be {config.BATCH_RULE}")
    return dataclasses.replace(batch, name=name)
