"""`htctl watch`: follows a batch to its end."""

from typing import Annotated

import typer

from htctl import following, options, overview
from htctl.following import Patience
from htctl.overview import Asked
from pipeline.errors import ConfigError


def watch(
    batch: Annotated[str, typer.Argument(help="The batch's name.", show_default=False)] = "",
    file: options.FileOption = None,
    start_deadline: options.StartDeadlineOption = "10m",
    delete_stuck: Annotated[
        bool,
        typer.Option("--delete-stuck", help="Delete the Job of a group past that time; else it is only named."),
    ] = False,
    store: options.StoreOption = "",
    namespace: options.NamespaceOption = "",
    context: options.ContextOption = "",
) -> int:
    """Follow a batch until every group has ended; exit code 0: all are published or unchanged, 1: not all."""
    if not batch and file is None:
        raise ConfigError("say which batch: htctl watch BATCH, or htctl watch -f bots.yaml")
    patience = Patience(options.seconds(start_deadline, "--start-deadline"), delete_stuck)
    found = overview.take(Asked(file, batch, (), "", store, namespace, context), deep=False)
    return following.follow(found, patience, to_the_end=True)
