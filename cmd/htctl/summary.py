"""What a person is told when a bot is done: what went in, what came out, where it is, what to do next."""

import shlex
from pathlib import Path

from htctl import options, output
from pipeline import published
from pipeline.store import Store
from pipeline.store.objects import read_json

SAMPLES = 3
COUNTS = "{downloaded:,} downloaded - {retweets:,} retweets - {short:,} short = {kept:,} kept"


def show(store: Store, bot: str) -> None:
    """The summary of a bot's current run, on stdout."""
    for line in lines(store, bot):
        output.line(line)


def lines(store: Store, bot: str) -> list[str]:
    """The summary's lines, from what the store holds."""
    keys = published.current_run(store, bot)
    found = {name: read_json(store, keys.stage(name)).get("result", {}) for name in ("clean", "train", "generate")}
    before, after = found["train"]["before"], found["train"]["after"]
    told = [f"  posts     @{handle}: {COUNTS.format(**counts)}" for handle, counts in found["clean"]["handles"].items()]
    told.append(
        f"  held out  {before['bits_per_byte']:.3f} -> {after['bits_per_byte']:.3f} bits per byte "
        f"(perplexity {before['perplexity']:,.1f} -> {after['perplexity']:,.1f})"
    )
    told += [f"  sample    {sample}" for sample in found["generate"]["samples"][:SAMPLES]]
    told.append(f"  bot       {store.place(keys.model('')).rstrip('/')}")
    told.append(f"  next      htctl generate {bot} --prompt 'I think' -n 5{store_option(store)}")
    return [bot, *told]


def store_option(store: Store) -> str:
    """What a next command needs to find this store; nothing where it does by itself."""
    return f" --store {shlex.quote(named(store))}" if named(store) else ""


def named(store: Store) -> str:
    """The store's address, where a next command does not find it by itself."""
    return "" if _is_default(store.address) else store.address


def _is_default(address: str) -> bool:
    """Whether the next command finds this store without being told."""
    default = options.store_address("")
    return address in (default, str(Path(default).expanduser().resolve()))
