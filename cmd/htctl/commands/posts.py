"""`htctl posts`: what a bot was made from, and every post that was dropped with its reason."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from htctl import options, output
from pipeline import layout
from pipeline.store import Store, open_store


def posts(
    bot: options.BotArgument,
    dropped: Annotated[bool, typer.Option("--dropped", help="The posts that were not kept, and why.")] = False,
    store: options.StoreOption = "",
    format_: options.OutputOption = "",
) -> int:
    """Show the posts that a bot was made from, or those that were dropped and why."""
    as_json = options.wants_json(format_)
    opened = open_store(options.store_address(store))
    with TemporaryDirectory() as scratch:
        for record in records(opened, options.existing_bot(opened, bot), dropped, Path(scratch)):
            output.line(json.dumps(record, ensure_ascii=False) if as_json else _line(record))
    return 0


def records(store: Store, bot: str, dropped: bool, scratch: Path) -> Iterator[dict[str, Any]]:
    """The kept or dropped posts of a bot's current run, handle by handle."""
    pointer = store.read(layout.latest(bot))
    about = json.loads(pointer.data if pointer else b"{}")
    keys = layout.RunKeys(bot, about["run"])
    for handle in about["handles"]:
        part = "dropped" if dropped else "kept"
        path = store.local(keys.posts(f"{handle.lower()}.{part}.jsonl.gz"), scratch)
        with gzip.open(path, "rb") as file:
            for line in file:
                yield {"handle": handle, **json.loads(line.decode("utf-8", "surrogatepass"))}


def _line(record: dict[str, Any]) -> str:
    text = " ".join(record["text"].split())
    why = f"{record['reason']} ({record['detail']})\t" if "reason" in record else ""
    return f"@{record['handle']}\t{why}{text}"
