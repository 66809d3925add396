"""A batch of six groups made of two real accounts' posts: four bots, one of them a cyborg, and two that must fail."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from k8s import names
from k8s.manifests import Manifest
from k8s.names import selector
from pipeline.identity import bot_id
from pipeline.layout import RunKeys
from pipeline.store import Store, open_store
from pipeline.store.objects import read_json
from tests import factories
from tests.cluster import scene
from tests.cluster.scene import Scene

MONTHS = {"in2013": "2013-", "in2014": "2014-", "in2016": "2016-", "few": "2013-08-1", "none": "never"}
NEWER = {"in2025": "2025-10-1"}
GROUPS = ["in2013", "in2016", "in2025", "in2013+in2014", "few", "in2014+none"]
FAILING = {"few": "@few: too few posts to train on: ", "in2014-none": "@none: there are no posts to train on\n"}
EPOCHS = 3


class Made(NamedTuple):
    """A bot that somebody published: the digits of its run's config, and the SHA-256 of its weights."""

    config: str
    weights: str


def posts(shared: Path, folder: Path) -> dict[str, Path]:
    """Files of posts by handle: the accounts split by when they were written."""
    found = {}
    for account, months in (("2017", MONTHS), ("2025", NEWER)):
        lines = (shared / "data" / f"elonmusk-{account}.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        for handle, month in months.items():
            found[handle] = folder / f"{handle}.jsonl"
            chosen = [line for line in lines if json.loads(line)["created_at"].startswith(month)]
            found[handle].write_text("".join(chosen), encoding="utf-8")
    return found


def settings(epochs: int = EPOCHS) -> dict[str, Any]:
    """Of a batch whose bots take seconds each."""
    made = factories.small_settings(epochs=epochs, checkpoint_minutes=0.02)
    return {**made, "train": {**made["train"], "block_size": 128}, "clean": {}}


def file(stage: Scene, shared: Path, folder: Path, epochs: int = EPOCHS, **kubernetes: Any) -> Path:
    """The batch file."""
    return stage.batch(folder, posts(shared, folder), GROUPS, kubernetes=kubernetes, **settings(epochs))


def bots() -> set[str]:
    """Those that must be published."""
    return {bot_id("jsonl", group.split("+")) for group in GROUPS} - FAILING.keys()


def here(shared: Path, folder: Path, epochs: int = EPOCHS) -> dict[str, Made]:
    """The same bots made on this machine by `htctl run`, by bot."""
    given = {name: str(path) for name, path in posts(shared, folder).items()}
    batch = {"defaults": settings(epochs) | {"posts": given}, "groups": GROUPS}
    (folder / "bots.yaml").write_text(json.dumps(batch))
    htctl("run", "-f", str(folder / "bots.yaml"), "--store", str(folder / "store"))
    return published(open_store(str(folder / "store")))


def published(store: Store) -> dict[str, Made]:
    """What is published in a store, by bot."""
    found = {}
    for bot in store.folders("bots/"):
        run = read_json(store, f"bots/{bot}/latest.json").get("run")
        if run:
            found[bot] = Made(run.rpartition("-")[2], scene.weights(store, RunKeys(bot, run)))
    return found


def jobs(stage: Scene, batch: Path) -> Mapping[str, Manifest]:
    """The Jobs of a batch file, by bot."""
    listed = stage.cluster.list("Job", selector(scene.batchfile_name(batch.parent))).items
    return {job["metadata"]["annotations"][names.BOT]: job for job in listed}


def htctl(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """A command in a process of its own, as a person starts it."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "htctl", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
    )
