"""What a card is written from: a run's config and versions, and the results of its stages."""

import json
from collections.abc import Mapping
from typing import Any

from pipeline.config import RunConfig
from pipeline.errors import StoreError
from pipeline.layout import RunKeys
from pipeline.store import Store
from pipeline.store.objects import read_json

Facts = dict[str, Any]
NEEDED = ("scrape", "clean", "dataset", "train", "generate")  # the stages whose results a card tells


def gather(
    config: RunConfig,
    keys: RunKeys,
    made_by: Mapping[str, str],
    results: Mapping[str, Any],
    links: Mapping[str, str],
) -> Facts:
    """`config`, `bot`, `run`, `versions`, `links` (to W&B's runs, where it has shown any), results by stage."""
    return {
        "config": config,
        "bot": keys.bot,
        "run": keys.run,
        "versions": made_by,
        "links": dict(links),
        **results,
    }


def of_run(store: Store, keys: RunKeys) -> Facts:
    """The same of a run that is done, from what it left; raises StoreError where something is missing."""
    begun = read_json(store, keys.config)
    results = {name: read_json(store, keys.stage(name)).get("result") for name in NEEDED}
    missing = [name for name, result in results.items() if not result]
    if not begun or missing:
        what = ", ".join(missing) or "its config"
        raise StoreError(f"{store.place(keys.base)}: nothing is left of {what}, so its card cannot be written anew")
    links = read_json(store, keys.tracker).get("links", {})
    return gather(RunConfig.from_json(json.dumps(begun["asked"])), keys, begun["made_by"], results, links)
