"""`htctl posts`: what a bot was made from, and every post that was dropped with its reason."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from htctl import options, output
from pipeline import layout, published
from pipeline.errors import StoreError
from pipeline.layout import RunKeys
from pipeline.posts import read_lines
from pipeline.store import Store


def posts(
    bot: options.BotArgument,
    dropped: Annotated[bool, typer.Option("--dropped", help="The posts that were not kept, and why.")] = False,
    store: options.StoreOption = "",
    format_: options.OutputOption = "",
) -> int:
    """Show the posts that a bot was made from, or those that were dropped and why."""
    from tempfile import TemporaryDirectory

    as_json = options.wants_json(format_)
    opened = options.existing_store(store)
    name = options.existing_bot(opened, bot)
    handles = published.pointer(opened, name)["handles"]
    shown = False
    with TemporaryDirectory() as scratch:
        for record in records(opened, published.current_run(opened, name), handles, dropped, Path(scratch)):
            shown = True
            output.line(json.dumps(record, ensure_ascii=False) if as_json else _line(record))
    if not shown:
        output.note(f"{name}: no post was {'dropped' if dropped else 'kept'}")
    return 0


def records(store: Store, keys: RunKeys, handles: list[str], dropped: bool, scratch: Path) -> Iterator[dict[str, Any]]:
    """The kept or dropped posts of a run, handle by handle."""
    part = "dropped" if dropped else "kept"
    if keys.run.startswith(f"{layout.ADOPTED}-"):
        raise StoreError(
            f"{keys.bot} was made elsewhere and adopted: the store has none of the posts that it learnt from"
        )
    for handle in handles:
        for record in read_lines(store.local(keys.posts(f"{handle.lower()}.{part}.jsonl.gz"), scratch)):
            yield {"handle": handle, **record}


def _line(record: dict[str, Any]) -> str:
    text = " ".join(record["text"].split())
    why = f"{record['reason']} ({record['detail']})\t" if "reason" in record else ""
    return f"@{record['handle']}\t{why}{text}"
