"""`htctl generate`: posts from a published bot."""

from pathlib import Path
from typing import Annotated

import typer

from htctl import options, process
from pipeline import published
from pipeline.store import local_folder


def generate(
    bot: options.BotArgument,
    prompt: Annotated[str, typer.Option("-p", "--prompt", help="What every post starts with.")] = "",
    count: Annotated[int, typer.Option("-n", "--count", help="How many posts.", min=1)] = 5,
    seed: Annotated[int | None, typer.Option(help="The same seed writes the same posts [default: a new one].")] = None,
    temperature: Annotated[float | None, typer.Option(help="Above 1 is wilder, below 1 tamer.", min=0.01)] = None,
    store: options.StoreOption = "",
    format_: options.OutputOption = "",
) -> int:
    """Write posts with a published bot."""
    import secrets
    from tempfile import TemporaryDirectory

    as_json = options.wants_json(format_)
    opened = options.existing_store(store)
    with TemporaryDirectory() as scratch:
        keys = published.current_run(opened, options.existing_bot(opened, bot))
        folder = local_folder(opened, keys.model("").rstrip("/"), Path(scratch))
        arguments = [str(folder), f"--prompt={prompt}", f"--count={count}"]
        arguments.append(f"--seed={secrets.randbelow(2**32) if seed is None else seed}")
        arguments += [] if temperature is None else [f"--temperature={temperature}"]
        return process.generate([*arguments, "--json"] if as_json else arguments)
