"""`htctl track sync`: sends W&B what runs recorded for it and it has not got."""

import os
from pathlib import Path
from typing import Annotated

import typer

from htctl import options, output, recordings
from pipeline.errors import ConfigError, HtctlError
from pipeline.store import open_store

CREDENTIALS = ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE")


def track(
    action: Annotated[str, typer.Argument(metavar="sync", help="What to do: sync.", show_default=False)],
    bots: Annotated[list[str] | None, typer.Argument(help="Bots; without any, all.", show_default=False)] = None,
    timeout: Annotated[str, typer.Option("--timeout", help="How long sending one of W&B's runs may take.")] = "30m",
    store: options.StoreOption = "",
) -> int:
    """Send Weights & Biases what runs recorded for it and it has not got: `htctl track sync`.

    The key is WANDB_API_KEY's (or that of ~/.netrc). What was sent is marked in the store and not sent again.
    """
    if action != "sync":
        raise ConfigError(f"htctl track {action}: must be htctl track sync [BOT...]")
    seconds = options.seconds(timeout, "--timeout")
    opened = open_store(options.store_address(store))
    waiting = list(recordings.unsent(opened, recordings.bots(opened, bots or [])))
    if not waiting:
        output.note("W&B has all that was recorded")
        return 0
    if (
        not any(map(os.environ.get, CREDENTIALS))
        and not Path(os.environ.get("NETRC", "~/.netrc")).expanduser().exists()
    ):
        raise ConfigError("WANDB_API_KEY is not set; W&B shows yours at https://wandb.ai/authorize")
    unsent = 0
    for attempt in waiting:
        try:
            unsent += not recordings.send(opened, attempt, seconds)
        except HtctlError as error:  # of this attempt: no reason to leave out the others
            output.error(str(error))
            unsent += 1
    output.note(f"sent {len(waiting) - unsent} of {len(waiting)} recordings")
    return int(bool(unsent))
