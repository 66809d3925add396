"""A training under way, kept in the store so that it goes on to the bit: what DeepSpeed saves and what it does not.

`checkpoints/<step>/...` are the parts, `checkpoints/<step>.json` is written last: there means complete.
"""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.layout import RunKeys
from pipeline.stage import Context, to_bytes
from pipeline.store import Store, read_json

KEPT = 2
ENGINE, BEST = "engine", "best"


class Checkpoints:
    """The checkpoints of one run."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.folder = context.scratch / "checkpoint"

    def save(self, running: Any, progress: dict[str, Any], best: Path) -> None:
        """Keep the engine, the random states, `progress` (JSON, with `done`: its step) and the best weights so far."""
        shutil.rmtree(self.folder, ignore_errors=True)
        running.save_checkpoint(str(self.folder), tag=ENGINE)
        (self.folder / "random.json").write_text(json.dumps(_random_states()), encoding="utf-8")
        if best.is_dir():
            shutil.copytree(best, self.folder / BEST)
        name = f"{progress['done']:09d}"
        key = self.context.keys.checkpoint(name)
        self.context.upload_folder(self.folder, key)
        self.context.store.write(f"{key}.json", to_bytes(progress))
        shutil.rmtree(self.folder)
        self._keep(complete(self.context.store, self.context.keys)[-KEPT:])
        self.context.tracker.keep()

    def load(self, running: Any, best: Path) -> dict[str, Any] | None:
        """Put the newest complete checkpoint back in place; returns its `progress`, or None where there is none."""
        names = complete(self.context.store, self.context.keys)
        if not names:
            return None
        key = self.context.keys.checkpoint(names[-1])
        found = self.context.local_folder(key)
        running.load_checkpoint(str(found), tag=ENGINE)
        _restore(json.loads((found / "random.json").read_text(encoding="utf-8")))
        if (found / BEST).is_dir():
            shutil.copytree(found / BEST, best, dirs_exist_ok=True)
        return read_json(self.context.store, f"{key}.json")

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


def complete(store: Store, keys: RunKeys) -> list[str]:
    """The steps of a run's complete checkpoints, as they are named, oldest first."""
    prefix = keys.checkpoint("")
    names = (entry.key.removeprefix(prefix) for entry in store.list(prefix))
    return [name.removesuffix(".json") for name in names if "/" not in name]


def _random_states() -> dict[str, Any]:
    """Those of torch (CPU and every GPU), NumPy and Python, as JSON, and how many threads share a sum's parts."""
    name, keys, *rest = np.random.get_state()
    return {
        "threads": torch.get_num_threads(),
        "torch": torch.get_rng_state().tolist(),
        "cuda": [state.tolist() for state in torch.cuda.get_rng_state_all()] if torch.cuda.is_available() else [],
        "numpy": [str(name), np.asarray(keys).tolist(), *rest],
        "python": random.getstate(),
    }


def _restore(states: dict[str, Any]) -> None:
    torch.set_num_threads(states["threads"])
    torch.set_rng_state(torch.tensor(states["torch"], dtype=torch.uint8))
    if states["cuda"]:
        torch.cuda.set_rng_state_all([torch.tensor(state, dtype=torch.uint8) for state in states["cuda"]])
    np.random.set_state(tuple(states["numpy"]))
    version, inner, gauss = states["python"]
    random.setstate((version, tuple(inner), gauss))
