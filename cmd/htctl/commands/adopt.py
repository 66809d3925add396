"""`htctl adopt`: a bot that huggingtweets made, taken into the store as one of ours."""

import shlex
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from htctl import options, output, process, summary
from htctl.app import USAGE
from pipeline import published
from pipeline.errors import INTERRUPTED, ConfigError
from pipeline.store import Store, open_store
from pipeline.store.objects import read_json


def adopt(
    model: Annotated[
        str, typer.Argument(metavar="DIR|HUB_ID", help="The model's folder, or its id on a hub.", show_default=False)
    ],
    handles: Annotated[
        str,
        typer.Option(
            "--handles",
            metavar="a+b",
            help="Whose bot it is, in the order of the card's columns [default: as it says].",
        ),
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Make it current where the bot is there already; its runs stay.")
    ] = False,
    store: options.StoreOption = "",
) -> int:
    """Take a bot in that huggingtweets made: weights, tokenizer and card, from a folder or a hub.

    Weights become safetensors (a pickle that holds more than numbers is refused, and nothing in it is run); the card is
    kept, its letters put right where they were broken, and read back into its numbers.
    """
    opened = open_store(options.store_address(store))
    arguments = [f"--store={opened.address}", f"--handles={handles}", *(["--replace"] if replace else []), "--", model]
    code, bot = process.adopt(arguments)
    if code:
        return {ConfigError.exit_code: USAGE, INTERRUPTED: INTERRUPTED}.get(code, 1)
    for line in lines(opened, bot):
        output.line(line)
    return 0


def lines(store: Store, bot: str) -> list[str]:
    """What a person is told of an adopted bot, from what the store holds."""
    keys = published.current_run(store, bot)
    about = read_json(store, keys.config)["adopted"]
    where, files = summary.store_option(store), ", ".join(about["weights"])
    return [
        bot,
        f"  adopted   {about['from']} ({files}; {about['parameters']:,} parameters) as {keys.run}",
        *_card(about["card"] or {}, about["made"]),
        f"  bot       {store.place(keys.model('')).rstrip('/')}",
        f"  next      htctl generate {bot} --prompt 'My dream is' -n 5{where}",
        f"            htctl run {shlex.quote('+'.join(about['handles']))} --posts FILE --base-model bot:{bot}{where}",
    ]


def _card(card: Mapping[str, Any], made: str) -> list[str]:
    """What its card told, as far as it did."""
    told = [f"  posts     {each['name']}: {summary.COUNTS.format(**each)}" for each in card.get("accounts", ())]
    told += [f"  made      {made}"] if made else []
    return told + [f"  run       {card[name]}" for name in ("preprocess", "training") if card.get(name)]
