"""The folder that an attempt's recording lies in, and what of it is kept in the store: `<run>/wandb/<attempt>/...`."""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.layout import RunKeys
from pipeline.store import Store
from pipeline.store.objects import read_json, to_bytes
from pipeline.wandb.feed import ALIVE, FOLDER, abandoned

PASSED_OVER = ("cache", "config", "fetched", "logs", "tmp", "latest-run", "process.log", "kept", ALIVE)
ABOUT = "attempt.json"
KINDS = ("preprocess", "train")
ENDING_S = 20  # in which the recording process of an attempt that was killed ends too


class Known:
    """`wandb.json`: W&B's ids of the two runs, made once; where it shows them; which are whole in the store."""

    def __init__(self, store: Store, keys: RunKeys) -> None:
        self.store, self.key = store, keys.tracker
        self._state: dict[str, Any] = {}

    @property
    def ids(self) -> Mapping[str, str]:
        return dict(self._read()["ids"])

    @property
    def links(self) -> Mapping[str, str]:
        return dict(self._read()["links"])

    @property
    def recorded(self) -> list[str]:
        return list(self._read()["recorded"])

    def note(self, links: Mapping[str, str], whole: Iterable[str]) -> Mapping[str, str]:
        """Add to what is known; returns the links that are new."""
        before = self._read()
        wanted = {*before["recorded"], *whole}
        after = {"links": {**before["links"], **links}, "recorded": [kind for kind in KINDS if kind in wanted]}
        self._write(before | after)
        return {kind: link for kind, link in links.items() if before["links"].get(kind) != link}

    def _read(self) -> dict[str, Any]:
        if not self._state:
            new = {"ids": {kind: secrets.token_hex(8) for kind in KINDS}, "links": {}, "recorded": []}
            found = read_json(self.store, self.key)
            self._state = found
            self._write(new | found)
        return self._state

    def _write(self, state: dict[str, Any]) -> None:
        if state != self._state:
            self.store.write(self.key, to_bytes(state))
            self._state = state


class Recording:
    """One attempt's, from its beginning; W&B's files name their parts by whole paths, so the store knows the folder."""

    def __init__(self, store: Store, keys: RunKeys) -> None:
        self.store, self.keys, self.folder = store, keys, Path()
        self.name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"
        self._kept: dict[str, tuple[int, int]] = {}

    def open(self, settings: Mapping[str, Any]) -> Path:
        """Make the folder, under a name that nobody can guess, and note where it is."""
        self.folder = Path(tempfile.mkdtemp(prefix=FOLDER))
        self.store.write(self._key(ABOUT), to_bytes({"folder": str(self.folder), **settings}))
        return self.folder

    def keep(self) -> None:
        """Bring what is new into the store, with the marks of what W&B has."""
        for path in files(self.folder):
            about = path.stat()
            known, name = (about.st_size, about.st_mtime_ns), path.relative_to(self.folder).as_posix()
            if self._kept.get(name) != known:
                copy = self.folder / "kept"
                shutil.copyfile(path, copy)  # it may grow while it is read
                self.store.upload(copy, self._key(name))
                self._kept[name] = known

    def take_in(self) -> None:
        """What an attempt recorded that was killed on this machine, since it last kept it."""
        prefix = self.keys.tracked("")
        for entry in list(self.store.list(prefix)):
            name, _, rest = entry.key.removeprefix(prefix).partition("/")
            folder = Path(str(read_json(self.store, entry.key)["folder"])) if rest == ABOUT else Path()
            if abandoned(folder, ENDING_S):
                for path in files(folder):
                    self.store.upload(path, self.keys.tracked(f"{name}/{path.relative_to(folder).as_posix()}"))
                shutil.rmtree(folder)

    def remove(self) -> None:
        """The folder goes; what of it matters is in the store."""
        if self.folder.name.startswith(FOLDER):
            shutil.rmtree(self.folder, ignore_errors=True)

    def _key(self, name: str) -> str:
        return self.keys.tracked(f"{self.name}/{name}")


def files(folder: Path) -> Iterator[Path]:
    """What is to be kept of a recording's folder; a recording comes before the mark that says W&B has all of it."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in PASSED_OVER)
        for name in sorted(names):
            path = Path(root, name)
            if name not in PASSED_OVER and not name.startswith("debug") and not path.is_symlink():
                yield path
