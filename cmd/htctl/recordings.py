"""What runs recorded for W&B and it has not got yet: found in the store, brought back to where it lay, sent, marked."""

import contextlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from htctl import output, process, runs
from pipeline import layout
from pipeline.errors import ConfigError, HtctlError
from pipeline.layout import RunKeys
from pipeline.store import Store
from pipeline.store.objects import change, read_json
from pipeline.wandb import feed

FOLDER = re.compile(rf"{feed.FOLDER}\w+")  # how every attempt's folder is called
SYNCED = ".synced"  # what wandb itself puts beside a recording that it has sent
STATE = ".syncstate"  # ... and what it keeps of one that it has begun, so that it goes on there
CUT_OFF = "the file ends with an incomplete record"  # what wandb says of one


@dataclass(frozen=True)
class Attempt:
    """An attempt's recordings that are not sent (names under `wandb/`), in the order in which they must be."""

    keys: RunKeys
    name: str
    recordings: tuple[str, ...]

    @property
    def prefix(self) -> str:
        return self.keys.tracked(f"{self.name}/")


def unsent(store: Store, bots: Iterable[str]) -> Iterator[Attempt]:
    """Every attempt with something to send, oldest first; one that is under way is left to its own process."""
    for bot in bots:
        for run in store.folders(RunKeys(bot, "").base):
            keys = RunKeys(bot, run)
            found = _recordings(store, keys)
            if found and runs.in_use(store.read(keys.lease)):
                output.note(f"{bot}: run {run} is being made; what it records is sent when it has ended")
                continue
            yield from (Attempt(keys, name, tuple(paths)) for name, paths in found.items())


def _recordings(store: Store, keys: RunKeys) -> dict[str, list[str]]:
    """By attempt, the recordings that have no mark; the preprocessing first, since the training uses what it made."""
    prefix = keys.tracked("")
    names = {entry.key.removeprefix(prefix) for entry in store.list(prefix)}
    found: dict[str, list[str]] = {}
    for name in sorted(name for name in names if name.endswith(".wandb") and name + SYNCED not in names):
        attempt, _, path = name.partition("/")
        found.setdefault(attempt, []).append(path)
    if found:
        first = read_json(store, keys.tracker).get("ids", {}).get("preprocess", "")
        for paths in found.values():
            paths.sort(key=lambda path: (f"-{first}/" not in path, path))
    return found


def send(store: Store, attempt: Attempt, seconds: float) -> bool:
    """Send an attempt's recordings by wandb's own uploader, and mark what was sent; whether all were."""
    about = read_json(store, attempt.keys.tracked(f"{attempt.name}/attempt.json"))
    server = os.environ.get("WANDB_BASE_URL") or str(about.get("base_url", ""))
    well = True
    with _laid_out(store, attempt, Path(str(about.get("folder", "")))) as folder:
        for path in attempt.recordings:
            last = ""
            for line in process.sync_wandb(folder, (folder / path).parent, server, seconds):
                last = line or last
                if shown := feed.SHOWN.search(line):
                    _keep_link(store, attempt.keys, path, shown[1])
            mark = folder / (path + SYNCED)
            if CUT_OFF in last:  # by a kill: it will not grow any more, and all before was sent
                mark.touch()
            for beside in (SYNCED, STATE):
                if (folder / (path + beside)).exists():
                    store.upload(folder / (path + beside), attempt.prefix + path + beside)
            if not mark.exists():
                well = False
                output.error(f"{attempt.keys.bot}: {Path(path).stem} was not sent: {last or 'no answer'}")
    return well


@contextlib.contextmanager
def _laid_out(store: Store, attempt: Attempt, folder: Path) -> Iterator[Path]:
    """The attempt's folder where it was when it was recorded: W&B's files name their parts by whole paths."""
    if not FOLDER.fullmatch(folder.name) or not folder.is_absolute():
        raise HtctlError(f"{store.place(attempt.prefix)}attempt.json names no folder of a recording: '{folder}'")
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            raise HtctlError(f"{folder} is somebody else's; W&B's files can only be sent from there") from None
    except OSError as error:
        why = "W&B's files name their parts by whole paths, so send them where this folder can be made"
        raise HtctlError(f"{folder}: {error.strerror}; {why}") from None
    try:
        for entry in store.list(attempt.prefix):
            _bring(store, entry.key, folder, folder / entry.key.removeprefix(attempt.prefix))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _bring(store: Store, key: str, folder: Path, path: Path) -> None:
    if not path.resolve().is_relative_to(folder.resolve()):
        raise HtctlError(f"{store.place(key)}: the key leads out of its folder")
    if path.exists():  # left by a process that was killed: it is what the store has, or more
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(store.local(key, folder / "fetched"), path)


def _keep_link(store: Store, keys: RunKeys, path: str, url: str) -> None:
    """Where W&B shows a run, for the card that is written next."""
    ids = read_json(store, keys.tracker).get("ids", {})
    kind = next((kind for kind, run in ids.items() if f"-{run}/" in path), "")
    output.line(f"{keys.bot}: {kind or Path(path).stem}: {url}")

    def edit(found: dict[str, Any]) -> dict[str, Any] | None:
        links = found.get("links", {})
        return None if links.get(kind) == url else {**found, "links": {**links, kind: url}}

    if kind:
        change(store, keys.tracker, edit)


def bots(store: Store, given: Iterable[str]) -> list[str]:
    """The bots that were named, published or not; all where none was."""
    there = list(store.folders(layout.bots()))
    wanted = [name.strip().removeprefix("@").replace("+", "-").lower() for name in given]
    if missing := [name for name in wanted if name not in there]:
        raise ConfigError(f"no bot '{missing[0]}' in {store.address}; htctl bots lists them")
    return wanted or there
