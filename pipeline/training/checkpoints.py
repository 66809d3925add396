"""A training under way, kept in the store so that it goes on to the bit: what DeepSpeed saves and what it does not.

`checkpoints/<step>/...` are the parts, `checkpoints/<step>.json` is written last: there means complete. They are
uploaded while the training goes on; the next one waits for it.
"""

import copy
import json
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from pipeline import nodes
from pipeline.layout import RunKeys
from pipeline.nodes import Node
from pipeline.stage import Context
from pipeline.store import Store
from pipeline.store.objects import read_json, to_bytes
from pipeline.training import scaling, universal
from pipeline.training.background import Background
from pipeline.training.group import ALONE, Group
from pipeline.training.universal import ENGINE, UNIVERSAL

KEPT = 2
BEST = "best"
FILES = "files"  # of a marker: what belongs to it
LOOK_S = 0.5  # seconds between looks whether another node's part is there


class Checkpoints:
    """The checkpoints of one run."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.folder = context.scratch / "checkpoint"
        self._sending = Background()

    def save(self, running: Any, progress: dict[str, Any], best: Path) -> None:
        """Keep the engine, the random states, `progress` (JSON, with `done`: its step) and the best weights so far.

        It is in the store when it is settled; until then it is lost with this process.
        """
        self.settle()
        self.clean()
        write(running, self.folder, best, ALONE)
        self.send(progress)

    def settle(self) -> None:
        """Wait until what was saved is in the store; raises what went wrong on its way."""
        self._sending.settle()

    def clean(self) -> None:
        """Remove what a failed `save` left in the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def send(self, progress: dict[str, Any], node: Node = nodes.ALONE, then: Callable[[], None] = lambda: None) -> None:
        """Begin to upload what `write` left in the folder: all of it, or this node's part; `then` is done after it."""
        self.context.tracker.keep()
        kept = copy.deepcopy(progress)  # the training goes on with its own
        self._sending.start(lambda: self._upload(kept, node), then)

    def _upload(self, progress: dict[str, Any], node: Node) -> None:
        """The first node's comes last, with the marker, and then all but the newest are forgotten."""
        name = f"{progress['done']:09d}"
        self.context.upload_folder(self.folder, self.context.keys.checkpoint(name))
        self.clean()
        store, part = self.context.store, self.context.keys.checkpoint(f"{name}/node-{{}}").format
        if not node.is_first:
            store.write(part(node.index), b"")
            return
        for other in range(1, node.count if progress.get("zero") else 1):
            while not store.exists(part(other)):
                time.sleep(LOOK_S)
        marker = f"{self.context.keys.checkpoint(name)}.json"
        store.write(marker, to_bytes(progress | {FILES: self._files(name)}))
        self.tidy()

    def tidy(self) -> None:
        """Forget all but the newest, and what belongs to none."""
        self._keep(complete(self.context.store, self.context.keys)[-KEPT:])

    def load(self, running: Any, best: Path) -> dict[str, Any] | None:
        """Put the newest complete checkpoint back in place; returns its `progress`, or None where there is none."""
        found = self.fetch(1)
        if not found:
            return None
        restore(running, found.folder, best, ALONE)
        return found.progress

    def fetch(self, processes: int) -> "Found | None":
        """The newest complete checkpoint, here, laid out for so many processes; None where there is none."""
        found = self.newest()
        if not found:
            return None
        name, progress = found
        folder = self.context.local_folder(self.context.keys.checkpoint(name))
        universal.fit(folder, progress, processes, self.context.report.line)
        return Found(folder, progress)

    def newest(self) -> tuple[str, dict[str, Any]] | None:
        """The newest checkpoint of which all is there: its name, and the `progress` that it was kept with."""
        for name in reversed(complete(self.context.store, self.context.keys)):
            progress = read_json(self.context.store, f"{self.context.keys.checkpoint(name)}.json")
            files = progress.pop(FILES, None)
            if files in (None, self._files(name)):
                return name, progress
            self.context.report.line(f"train: not all of checkpoint {name} is there; the one before it counts")
        return None

    def _files(self, name: str) -> dict[str, int]:
        """A checkpoint's files in the store, and the bytes of each."""
        prefix = f"{self.context.keys.checkpoint(name)}/"
        return {entry.key.removeprefix(prefix): entry.size for entry in self.context.store.list(prefix)}

    def clear(self) -> None:
        """Forget them all: the training is marked as done."""
        self._keep([])

    def _keep(self, names: list[str]) -> None:
        """Delete all but these, the parts that a killed writer left included; markers first: they make it count."""
        prefix = self.context.keys.checkpoint("")
        keys = [entry.key for entry in self.context.store.list(prefix)]
        for key in sorted(keys, key=lambda key: "/" in key.removeprefix(prefix)):
            if key.removeprefix(prefix).partition("/")[0].removesuffix(".json") not in names:
                self.context.store.delete(key)


class Found(NamedTuple):
    """A checkpoint as a folder of this machine, and the `progress` that it was kept with."""

    folder: Path
    progress: dict[str, Any]


def write(running: Any, folder: Path, best: Path, group: Group) -> None:
    """A checkpoint's parts; all of a group write together. At ZeRO stage 0 the first one's are the whole."""
    running.save_checkpoint(str(folder), tag=ENGINE)
    if group.is_first:
        (folder / "random.json").write_text(json.dumps(_random_states(group.size)), encoding="utf-8")
        (folder / "scaling.json").write_text(json.dumps(scaling.state(running)), encoding="utf-8")
        if best.is_dir():
            shutil.copytree(best, folder / BEST)


def restore(running: Any, folder: Path, best: Path, group: Group) -> None:
    """Put back what `write` wrote, in each of a group, which may be of another size."""
    is_universal = (folder / UNIVERSAL).is_dir()
    if is_universal:
        running._config.load_universal_checkpoint = True
    running.load_checkpoint(str(folder), tag=UNIVERSAL if is_universal else ENGINE)
    _restore(json.loads((folder / "random.json").read_text(encoding="utf-8")), group.size)
    if (folder / "scaling.json").exists():  # older ones have none
        scaling.restore(running, json.loads((folder / "scaling.json").read_text(encoding="utf-8")))
    if group.is_first and (folder / BEST).is_dir():
        shutil.copytree(folder / BEST, best, dirs_exist_ok=True)


def complete(store: Store, keys: RunKeys) -> list[str]:
    """The steps of a run's complete checkpoints, as they are named, oldest first."""
    prefix = keys.checkpoint("")
    names = (entry.key.removeprefix(prefix) for entry in store.list(prefix))
    return [name.removesuffix(".json") for name in names if "/" not in name]


def _random_states(size: int = 1) -> dict[str, Any]:
    """Those of torch (CPU and every GPU), NumPy and Python, as JSON, and how many threads share a sum's parts.

    `size` is how many processes train; each of several draws anew at every step (`Group.seed`).
    """
    name, keys, *rest = np.random.get_state()
    return {
        "threads": torch.get_num_threads(),
        "torch": torch.get_rng_state().tolist(),
        "cuda": [state.tolist() for state in torch.cuda.get_rng_state_all()] if torch.cuda.is_available() else [],
        "numpy": [str(name), np.asarray(keys).tolist(), *rest],
        "python": random.getstate(),
        **({"processes": size} if size > 1 else {}),
    }


def _restore(states: dict[str, Any], size: int = 1) -> None:
    if states.get("processes", 1) == size:  # else the threads of each are others too
        torch.set_num_threads(states["threads"])
    torch.set_rng_state(torch.tensor(states["torch"], dtype=torch.uint8))
    if states["cuda"] and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([torch.tensor(state, dtype=torch.uint8) for state in states["cuda"]])
    np.random.set_state(tuple(states["numpy"]))
    version, inner, gauss = states["python"]
    random.setstate((version, tuple(inner), gauss))
