"""The YAML block that a hub reads of a run's card: measured, not assumed."""

from collections.abc import Mapping
from typing import Any

from pipeline.basemodels import is_on_hub
from pipeline.cards import escape

MEASURED = (("perplexity", "Perplexity per token"), ("bits_per_byte", "Bits per byte"))
HOW = "each held-out post alone between end tokens, its end counted, in fp32"


def block(facts: Mapping[str, Any]) -> str:
    """The block without its fences, as
    https://github.com/huggingface/hub-docs/blob/main/modelcard.md lays down."""
    config = facts["config"]
    data: dict[str, Any] = {
        "language": facts["clean"]["languages"],
        "license": config.license,
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
    }
    if is_on_hub(config.base_model):
        data["base_model"] = config.base_model
        data["base_model_relation"] = "finetune"
    data["tags"] = ["huggingtweets", "htctl"]
    data["widget"] = [{"text": config.generate.prompt}]
    data["model-index"] = [{"name": facts["bot"], "results": [_result(facts)]}]
    return escape.yaml_block(data)


def _result(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The bot's scores first, then the base model's on the same posts, under names that nobody takes for the bot's."""
    after, before, bot = facts["train"]["after"], facts["train"]["before"], facts["bot"]
    heldout = {"posts": facts["dataset"]["heldout"]["posts"], "bytes": after["bytes"], "tokens": after["tokens"]}
    bots = [_metric(key, name, after[key]) for key, name in MEASURED]
    bases = [_metric(f"base_{key}", f"{name}, of what the training began with", before[key]) for key, name in MEASURED]
    return {
        "task": {"type": "text-generation", "name": "Text generation"},
        "dataset": {
            "type": "held-out-posts",
            "name": f"Held-out posts of {bot}",
            "split": "heldout",
            "args": {**heldout, "share": facts["config"].dataset.heldout, "seed": facts["config"].dataset.seed},
        },
        "metrics": [*bots, *bases],
    }


def _metric(key: str, name: str, value: float) -> dict[str, Any]:
    return {"type": key, "name": name, "value": round(value, 4), "args": {"how": HOW}}
