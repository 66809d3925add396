"""What is published: a bot's pointer, and where the run lies that it names."""

from typing import Any

from pipeline import layout
from pipeline.errors import StoreError
from pipeline.layout import RunKeys
from pipeline.store import Store, read_json


def pointer(store: Store, bot: str) -> dict[str, Any]:
    """What `latest.json` says of a bot; empty where it is not published."""
    return read_json(store, layout.latest(bot))


def current_run(store: Store, bot: str) -> RunKeys:
    """The keys of a published bot's current run; raises StoreError where it has none."""
    run = pointer(store, bot).get("run")
    if not run:
        raise StoreError(f"{store.place(layout.latest(bot))}: the bot is not published")
    return RunKeys(bot, run)
