"""What a stage is given and what it leaves: the Context, and the marker that says it is complete."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pipeline import layout
from pipeline.basemodels import is_bot
from pipeline.config import RunConfig
from pipeline.layout import RunKeys
from pipeline.progress import Report
from pipeline.store import Store, local_folder
from pipeline.store.fenced import FencedStore
from pipeline.tracker import Off, Tracker

Result = dict[str, Any]


class Stage(Protocol):
    """A module in `pipeline.stages`."""

    def run(self, context: "Context") -> Result:
        """Do the stage's work; the result goes into its marker and, from there, into the card."""


@dataclass
class Context:
    """A run under way: its config, its place in the store, and the results of the stages before."""

    config: RunConfig
    store: Store
    keys: RunKeys
    scratch: Path  # an empty folder of this process, gone when it ends
    report: Report
    results: dict[str, Result] = field(default_factory=dict)
    tracker: Tracker = field(default_factory=Off)

    @property
    def shared(self) -> Store:
        """The store for what belongs to no run, and has a lease of its own."""
        return self.store.store if isinstance(self.store, FencedStore) else self.store

    def local(self, key: str) -> Path:
        """An object of the store as a file to read."""
        return self.store.local(key, self.scratch)

    def local_folder(self, key: str) -> Path:
        """All objects under `key` (no slash at its end) as a folder to read."""
        return local_folder(self.store, key, self.scratch)

    @property
    def base_bot(self) -> Path | None:
        """Where the run's base model lies here, if it is a bot of the store."""
        if not is_bot(self.config.base_model):
            return None
        return self.local_folder(layout.base_bot(self.config.base_model).model("").rstrip("/"))

    @contextlib.contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        """A scratch file that becomes the object `key` when the block ends without an error."""
        path = self.scratch / "writing" / key.replace("/", "_")
        path.parent.mkdir(exist_ok=True)
        yield path
        self.store.upload(path, key)
        path.unlink()

    def upload_folder(self, folder: Path, key: str) -> None:
        """Every file of a folder as the object of its name under `key`."""
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            self.store.upload(path, f"{key}/{path.relative_to(folder).as_posix()}")
