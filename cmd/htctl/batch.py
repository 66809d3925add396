"""A batch: groups of handles, each with its settings, how its Job runs, and where its posts lie."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from k8s.settings import Kubernetes
from pipeline import handles, identity
from pipeline.config import RunConfig
from pipeline.settings import Settings

SETTINGS = tuple(field.name for field in fields(Settings))


@dataclass(frozen=True)
class Group:
    """The handles of one bot, where their posts lie (by handle in lower case), its settings, and how its Job runs.

    `sources` gives, for handles in lower case that are not at the settings' source, where they are.
    """

    handles: tuple[str, ...]
    posts: dict[str, Path]
    settings: Settings
    kubernetes: Kubernetes
    sources: dict[str, str] = field(default_factory=dict)

    @functools.cached_property
    def bot(self) -> str:
        """The bot's id."""
        return identity.bot_id(self.settings.source, self.qualified)

    @property
    def qualified(self) -> tuple[str, ...]:
        """The handles, those at other sources than the group's with their source."""
        return handles.qualified(self.handles, self.sources)

    def source_of(self, handle: str) -> str:
        """Where one of the handles is."""
        return self.sources.get(handle.lower(), self.settings.source)


@dataclass(frozen=True)
class Batch:
    """What is submitted or run together; `store` is empty where the file names none."""

    name: str
    store: str
    groups: tuple[Group, ...]

    def run_config(self, group: Group, store: str, posts: dict[str, str]) -> RunConfig:
        """A group's run: its settings, and the SHA-256 of each handle's posts file."""
        settings = {name: getattr(group.settings, name) for name in SETTINGS}
        handles, sources = group.handles, group.sources
        return RunConfig(batch=self.name, store=store, handles=handles, posts=posts, sources=sources, **settings)


def name_and_store(data: Mapping[str, Any], stem: str, folder: Path) -> tuple[str, str]:
    """A batch's name, by its file where it says none, and its store; a relative path starts at the file's folder."""
    store = str(data.get("store") or "")
    if store and "://" not in store:
        store = str(folder / Path(store).expanduser())
    return str(data.get("batch") or identity.batch_name(stem)), store
