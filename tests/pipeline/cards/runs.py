"""The facts of a run, as its stages would have left them."""

import copy
from typing import Any

from tests import factories

SCORE = {"nats": 1.0, "tokens": 9, "posts": 7, "bytes": 90, "perplexity": 93.25, "bits_per_byte": 2.345678}
COUNTS = {"downloaded": 3234, "retweets": 541, "short": 414, "kept": 2279, "characters": 99999}
FACTS: dict[str, Any] = {
    "bot": "uppityducky",
    "run": "b-00000000",
    "versions": {"htctl": "0.1.0", "torch": "2.13.0+cpu"},
    "links": {},
    "scrape": {"handles": {"uppityducky": {"oldest": "2020-01-02T03:04:05Z", "newest": ""}}},
    "clean": {"handles": {"uppityducky": COUNTS}, "languages": ["en"]},
    "dataset": {"train": {"posts": 2000}, "validation": {"posts": 0}, "heldout": {"posts": 279},
                "near_duplicates": 12},
    "train": {
        "before": {**SCORE, "bits_per_byte": 4.0, "perplexity": 2000.5}, "after": SCORE, "epoch": 4, "steps": 300,
        "tokens": 307200, "seconds": 61.5, "parameters": 124439808, "precision": "bf16", "device": "CPU (x86_64)",
        "threads": 2,
    },
    "generate": {"prompt": "My dream is", "samples": ["My dream is a | pipe"],
                 "copies": {"posts": 100, "verbatim": 1, "near": 3}},
}  # fmt: skip


def facts(config: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """The facts above with a config; `train__steps=5` changes one inside."""
    made = copy.deepcopy(FACTS)
    given = {"handles": ["uppityducky"], "base_model": "openai-community/gpt2", **(config or {})}
    made["config"] = factories.run_config(**given)
    for path, value in changes.items():
        first, _, last = path.partition("__")
        if last:
            made[first][last] = value
        else:
            made[first] = value
    return made


def cyborg(**changes: Any) -> dict[str, Any]:
    """The facts of a bot of two handles."""
    handles = ["h_ototake", "hirox246"]
    made = facts({"handles": handles}, bot="h_ototake-hirox246", **changes)
    for stage in ("scrape", "clean"):
        made[stage]["handles"] = dict.fromkeys(handles, made[stage]["handles"]["uppityducky"])
    return made
