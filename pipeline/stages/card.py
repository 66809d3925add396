"""Stage 6: README.md, predictions.png and metrics.json beside the weights, from what the stages before found."""

import json

from pipeline.basemodels import public_name
from pipeline.cards import TEMPLATES, facts, hub
from pipeline.pictures import preview
from pipeline.stage import Context, Result
from pipeline.store.objects import read_json, to_bytes


def run(context: Context) -> Result:
    """Write the card by the template that the config names, and draw the picture of it.

    Result: `template`, `characters`, and `problems`: what a hub would refuse, which is told and no reason to lose
    a training.
    """
    made_by = read_json(context.store, context.keys.config)["made_by"]
    found = facts.gather(context.config, context.keys, made_by, context.results, context.tracker.links())
    text = TEMPLATES[context.config.card](found)
    problems = list(map(str, hub.check(text)))
    for problem in problems:
        context.report.line(f"warning: a hub would refuse the card: {problem}")
    context.store.write(context.keys.model("README.md"), text.encode("utf-8"))
    with context.writing(context.keys.model("predictions.png")) as path:
        preview.draw(list(context.config.handles), found["generate"]["prompt"], found["generate"]["samples"], path)
    context.store.write(context.keys.model("metrics.json"), to_bytes(_metrics(context, found)))
    return {"template": context.config.card, "characters": len(text), "problems": problems}


def _metrics(context: Context, found: dict[str, object]) -> dict[str, object]:
    """All facts as numbers, less what is only true here: the store's address, a folder's path."""
    config = json.loads(context.config.to_json())
    for name in ("store", "resources", "limits", "tracker"):  # what a Job would have been given, not what was used
        del config[name]
    config["base_model"] = public_name(config["base_model"])
    return {**found, "config": config}
