"""Which batch a command is about: by file or by name, what was submitted of it, and which of its groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from htctl.batch import name_and_store
from k8s import raw
from k8s.board import Keep
from k8s.mirror import Mirror
from k8s.states import Group
from pipeline import config, handles, identity, layout
from pipeline.errors import ConfigError
from pipeline.store import Store
from pipeline.store.objects import read_json


@dataclass(frozen=True)
class NamedBatch:
    """A batch as a person named it; no name: all that is there."""

    name: str
    store: str = ""  # as its file says
    namespace: str = ""


def find(file: Path | None, name: str) -> NamedBatch:
    """The batch of a file, or of a name. Only what names it is read: its posts may be elsewhere by now."""
    if name and not config.BATCH.fullmatch(name):
        raise ConfigError(f"--batch {name}: must be {config.BATCH_RULE}")
    if file is None:
        return NamedBatch(name)
    from htctl import yamlfile  # PyYAML is loaded only by who reads YAML

    data = yamlfile.read(file).data
    if not isinstance(data, dict):
        raise ConfigError(f"{file}: is no batch file (htctl init writes one)")
    given, store = name_and_store(data, file.stem, file.parent)
    return NamedBatch(name or given, store, _namespace(data))


def submitted(store: Store, batch: str) -> tuple[list[Group], str]:
    """The groups of a batch and their namespace as the store has them; none where it was not submitted from there."""
    found = read_json(store, layout.batch(batch)) if batch else {}
    groups = [
        Group(str(each["bot"]), str(each["run"]), str(each["job"]), _handles(each.get("handles", ())), batch)
        for each in found.get("groups", ())
    ]
    return groups, str(found.get("namespace", ""))


def keeping(wanted: Sequence[str], handle: str) -> Keep:
    """Whether a group is asked for: by its bot's id or its handles, and by a handle that it has."""
    bots = {text.lower() for text in wanted}
    bots |= {identity.bot_id(source, identity.named(text)) for text in wanted for source in handles.SOURCES}
    named, name = [handles.names(text) for text in wanted], handles.name(handle)

    def keep(group: Group) -> bool:
        names = sorted(each.lower() for each in group.handles)
        return (not bots or group.bot.lower() in bots or names in named) and (not name or name in names)

    return keep


def store_of_jobs(mirror: Mirror) -> str:
    """The store that the first Job names that names one; empty where none does."""
    return next(filter(None, map(raw.store, mirror.jobs.values())), "")


def _handles(given: Any) -> tuple[str, ...]:
    return tuple(given.split("+") if isinstance(given, str) else map(str, given))


def _namespace(data: dict[str, Any]) -> str:
    """`defaults.kubernetes.namespace` of a batch file, where it says so."""
    inner: Any = data
    for key in ("defaults", "kubernetes", "namespace"):
        inner = inner.get(key) if isinstance(inner, dict) else None
    return str(inner or "")
