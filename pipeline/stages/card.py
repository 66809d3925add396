"""Stage 6: README.md and metrics.json beside the weights, from what the stages before found."""

import json

from pipeline.cards import TEMPLATES
from pipeline.stage import Context, Result, to_bytes


def run(context: Context) -> Result:
    """Write the card by the template that the config names. Result: `template` and `characters`."""
    made = context.store.read(context.keys.config)
    facts = {
        "config": context.config,
        "bot": context.keys.bot,
        "run": context.keys.run,
        "versions": json.loads(made.data)["made_by"] if made else {},
        **context.results,
    }
    text = TEMPLATES[context.config.card](facts)
    context.store.write(context.keys.model("README.md"), text.encode("utf-8"))
    context.store.write(context.keys.model("metrics.json"), to_bytes(_metrics(context, facts)))
    return {"template": context.config.card, "characters": len(text)}


def _metrics(context: Context, facts: dict[str, object]) -> dict[str, object]:
    """All facts as numbers, less what is only true here: the store's address, a folder's path."""
    config = json.loads(context.config.to_json())
    del config["store"], config["resources"]  # what a Job would have been given, not what was used
    config["base_model"] = (
        config["base_model"].rpartition("/")[2] if config["base_model"].startswith("/") else config["base_model"]
    )
    return {**facts, "config": config}
