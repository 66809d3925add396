"""Today's card: Hub metadata that is measured, not assumed, and prose from `htctl.md.j2`."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.basemodels import TINY, is_bot, public_name
from pipeline.cards import metadata, templates
from pipeline.cards.escape import markdown
from pipeline.layout import is_adopted


def write(facts: Mapping[str, Any]) -> str:
    """README.md's text. `facts`: `config`, `bot`, `run`, `versions` and the results of the stages by name."""
    base = facts["config"].base_model
    filled = {
        "metadata": metadata.block(facts),
        "counts": _counts(facts),
        "base_model": public_name(base),
        "tiny": TINY,
        "from_bot": public_name(base) if is_bot(base) else "",
        "adopted": is_adopted(base),
    }
    return templates.render("htctl.md.j2", **filled, **facts)


def _counts(facts: Mapping[str, Any]) -> str:
    """The table of posts, a column for each handle in the order in which they were given."""
    handles = facts["config"].handles
    cleaned, scraped = facts["clean"]["handles"], facts["scrape"]["handles"]
    rows = [
        ["", *(f"@{markdown(handle)}" for handle in handles)],
        ["---", *("---:" for _ in handles)],
        *_left_out(scraped[handle] for handle in handles),
        ["Posts downloaded", *(f"{cleaned[handle]['downloaded']:,}" for handle in handles)],
        ["Retweets", *(f"{cleaned[handle]['retweets']:,}" for handle in handles)],
        ["Short posts", *(f"{cleaned[handle]['short']:,}" for handle in handles)],
        ["Posts kept", *(f"{cleaned[handle]['kept']:,}" for handle in handles)],
        ["Characters kept", *(f"{cleaned[handle]['characters']:,}" for handle in handles)],
        ["Oldest", *(_day(scraped[handle]["oldest"]) for handle in handles)],
        ["Newest", *(_day(scraped[handle]["newest"]) for handle in handles)],
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _left_out(scraped: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """Rows for what never was counted as a post, where there was any."""
    found = list(scraped)
    kinds = (("duplicates", "Posts given again, not counted"), ("skipped", "Lines that hold no post, not counted"))
    return [
        [name, *(f"{counts.get(key, 0):,}" for counts in found)]
        for key, name in kinds
        if any(counts.get(key) for counts in found)
    ]


def _day(time: str) -> str:
    """The day of an ISO 8601 time; what strangers wrote in its place is not shown."""
    return time[:10] if re.match(r"\d{4}-\d{2}-\d{2}", time, re.ASCII) else "unknown"
