"""What is published: a bot's pointer `latest.json`, and where the run lies that it names."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline import layout
from pipeline.errors import StoreError
from pipeline.layout import RunKeys
from pipeline.moments import utc
from pipeline.store import Store
from pipeline.store.objects import change, read_json


def pointer(store: Store, bot: str) -> dict[str, Any]:
    """What `latest.json` says of a bot; empty where it is not published."""
    return read_json(store, layout.latest(bot))


def current_run(store: Store, bot: str) -> RunKeys:
    """The keys of a published bot's current run; raises StoreError where it has none."""
    run = pointer(store, bot).get("run")
    if not run:
        raise StoreError(f"{store.place(layout.latest(bot))}: the bot is not published")
    return RunKeys(bot, run)


def publish(
    store: Store, keys: RunKeys, about: Mapping[str, Any], handles: Sequence[str], *, over: bool = True
) -> None:
    """Make a run its bot's current one, by a conditional write. `about` has `config` and `posts` (both fingerprints),
    `base_model`, `bits_per_byte`, perhaps `taken_back` (marks.py). Without `over` a run that is current stays so:
    StoreError."""

    def edit(found: dict[str, Any]) -> dict[str, Any] | None:
        if found.get("run") == keys.run:
            return None
        if found and not over:
            raise StoreError(f"{keys.bot} has another current run, {found.get('run')}; {keys.run} is kept: run again")
        return {"run": keys.run, **about, "published": utc(), "handles": list(handles)}

    change(store, layout.latest(keys.bot), edit)
