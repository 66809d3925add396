"""Today's card: Hub metadata that is measured, not assumed, and prose from `htctl.md.j2`."""

import re
from importlib import resources
from typing import Any

import jinja2
import yaml

from pipeline.cards.escape import markdown
from pipeline.config import TINY, is_folder, public_name


def write(facts: dict[str, Any]) -> str:
    """README.md's text. `facts`: `config`, `bot`, `run`, `versions` and the results of the stages by name."""
    # The output is Markdown: every foreign text goes through the `md` filter.
    environment = jinja2.Environment(  # noqa: S701
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["md"] = markdown
    environment.filters["number"] = lambda value: f"{value:,}"
    template = resources.files("pipeline.cards").joinpath("htctl.md.j2").read_text(encoding="utf-8")
    name = public_name(facts["config"].base_model)
    filled = {"metadata": _metadata(facts), "counts": _counts(facts), "base_model": name, "tiny": TINY}
    return environment.from_string(template).render(**filled, **facts)


def _metadata(facts: dict[str, Any]) -> str:
    """The YAML block that a hub reads, as
    https://github.com/huggingface/hub-docs/blob/main/modelcard.md lays down."""
    config, train = facts["config"], facts["train"]
    data: dict[str, Any] = {
        "language": facts["clean"]["languages"],
        "license": config.license,
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
    }
    if config.base_model != TINY and not is_folder(config.base_model):
        data["base_model"] = config.base_model
    data["tags"] = ["huggingtweets", "htctl"]
    data["widget"] = [{"text": config.generate.prompt}]
    data["model-index"] = [{"name": facts["bot"], "results": [_results(facts["bot"], train["after"])]}]
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=1000).rstrip("\n")


def _results(bot: str, after: dict[str, float]) -> dict[str, Any]:
    measured = (("perplexity", "Perplexity"), ("bits_per_byte", "Bits per byte"))
    return {
        "task": {"type": "text-generation", "name": "Text generation"},
        "dataset": {"type": "held-out-posts", "name": f"Held-out posts of {bot}"},
        "metrics": [{"type": key, "name": name, "value": round(after[key], 4)} for key, name in measured],
    }


def _counts(facts: dict[str, Any]) -> str:
    """The table of posts, a column for each handle in the order in which they were given."""
    handles = facts["config"].handles
    cleaned, scraped = facts["clean"]["handles"], facts["scrape"]["handles"]
    rows = [
        ["", *(f"@{markdown(handle)}" for handle in handles)],
        ["---", *("---:" for _ in handles)],
        ["Posts downloaded", *(f"{cleaned[handle]['downloaded']:,}" for handle in handles)],
        ["Retweets", *(f"{cleaned[handle]['retweets']:,}" for handle in handles)],
        ["Short posts", *(f"{cleaned[handle]['short']:,}" for handle in handles)],
        ["Posts kept", *(f"{cleaned[handle]['kept']:,}" for handle in handles)],
        ["Oldest", *(_day(scraped[handle]["oldest"]) for handle in handles)],
        ["Newest", *(_day(scraped[handle]["newest"]) for handle in handles)],
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _day(time: str) -> str:
    """The day of an ISO 8601 time; what strangers wrote in its place is not shown."""
    return time[:10] if re.match(r"\d{4}-\d{2}-\d{2}", time, re.ASCII) else "unknown"
