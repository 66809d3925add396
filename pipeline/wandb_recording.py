"""The folder that an attempt's recording lies in, and what of it is kept in the store: `<run>/wandb/<attempt>/...`."""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.layout import RunKeys
from pipeline.stage import to_bytes
from pipeline.store import Store, read_json
from pipeline.wandb_feed import ALIVE, FOLDER, abandoned

PASSED_OVER = ("cache", "config", "fetched", "logs", "tmp", "latest-run", "process.log", "kept", ALIVE)
UNDER_WAY = (".syncstate", ".synced")  # of an upload: kept once it has ended
ABOUT = "attempt.json"


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

    def keep(self, over: bool) -> None:
        """Bring what is new into the store; `over`: nobody writes there any more."""
        for path in files(self.folder, over):
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
            if abandoned(folder):
                for path in files(folder, over=True):
                    self.store.upload(path, self.keys.tracked(f"{name}/{path.relative_to(folder).as_posix()}"))
                shutil.rmtree(folder)

    def remove(self) -> None:
        """The folder goes; what of it matters is in the store."""
        if self.folder.name.startswith(FOLDER):
            shutil.rmtree(self.folder, ignore_errors=True)

    def _key(self, name: str) -> str:
        return self.keys.tracked(f"{self.name}/{name}")


def files(folder: Path, over: bool) -> Iterator[Path]:
    """What is to be kept of a recording's folder; of an upload only how it came out, where it is `over`."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in PASSED_OVER)
        for name in sorted(names):
            path = Path(root, name)
            passed = name in PASSED_OVER or name.startswith("debug") or path.is_symlink()
            if not passed and (over or not name.endswith(UNDER_WAY)):
                yield path
