"""Runs as they lie in a store, without the making of them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline import layout
from pipeline.layout import RunKeys
from pipeline.lease import Holder, State
from pipeline.store import Store

STAGES = ("scrape", "clean", "dataset", "train", "generate", "card", "publish")


def add_run(store: Store, name: str, days: float = 1, bot: str = "alice", **changes: Any) -> RunKeys:
    """A run, last at work so many days ago.

    `done` (its stages with a marker), `checkpoints`, `posts` (the hash that its config names), `lease` (of a process
    elsewhere: what is told of it), `current`.
    """
    keys, done = RunKeys(bot, name), changes.get("done", STAGES)
    store.write(keys.config, json.dumps({"asked": {"posts": {bot: changes.get("posts", "ff")}}}).encode())
    store.write(keys.posts(f"{bot}.jsonl.gz"), b"posts")
    for part in ("config.json", "model.safetensors") if "train" in done else ():
        store.write(keys.model(part), b"weights")
    if changes.get("checkpoints"):
        store.write(keys.checkpoint("000000005/engine/states"), b"states")
        store.write(keys.checkpoint("000000005.json"), b"{}")
    for index, stage in enumerate(done):
        at = ago(days, minutes=10 * (len(done) - index))
        store.write(keys.stage(stage), json.dumps({"started": at, "seconds": 600, "result": {}}).encode())
    if "lease" in changes:
        store.write(keys.lease, lease(**changes["lease"]))
    if changes.get("current"):
        store.write(layout.latest(bot), json.dumps({"run": name}).encode())
    return keys


def lease(**changes: Any) -> bytes:
    """A run's lease in the hand of a process elsewhere, renewed just now unless it is said."""
    holder = Holder("token", "far-away", "", 1, "another boot", "1")
    return State(
        **{"generation": 1, "holder": holder, "seconds": 60, "taken": ago(0), "renewed": ago(0), **changes}
    ).to_bytes()


def now() -> datetime:
    return datetime.now(UTC)


def ago(days: float, **more: float) -> str:
    """A time in the past, as the store has it."""
    at = now() - timedelta(days=days, **more)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def names(store: Store, bot: str = "alice") -> list[str]:
    """The runs that a bot has in a store."""
    return list(store.folders(f"bots/{bot}/runs/"))
