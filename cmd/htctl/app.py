"""The table of commands, and the one place where errors become a line and an exit code."""

import functools
import gc
import importlib
import os
import sys
from collections.abc import Callable, Collection
from typing import Annotated, Any, cast

import typer

from htctl import output
from pipeline.errors import INTERRUPTED, ConfigError, HtctlError

USAGE, FAULT = 2, 3
COMPLETION = "_HTCTL_COMPLETE"  # set by a shell that asks what could be typed next, which may be of any command

# Each is the function of that name in `htctl.commands.<name>`; the line, short enough for 80 columns, is how its own
# text begins.
COMMANDS = {
    "init": "Write a commented batch file",
    "run": "Make bots here, without a cluster",
    "scrape": "Fetch accounts' posts into the store without training",
    "render": "Print a batch's Kubernetes objects",
    "submit": "Submit a batch: posts into the store, then a Job for each group",
    "status": "Show where each group of a batch is, and why",
    "watch": "Follow a batch until every group has ended",
    "logs": "Show a run's log",
    "cancel": "Delete a batch's Jobs that have not ended",
    "retry": "Submit once more what failed of a batch",
    "pause": "Pause a batch's Jobs",
    "resume": "Have a batch's paused Jobs go on",
    "bots": "List the published bots",
    "posts": "Show the posts that a bot was made from",
    "doctor": "Check all that a batch needs, and say what mends what is wrong",
    "generate": "Write posts with a published bot",
    "card": "Print a bot's model card; write, repair or check one",
    "track": "Send Weights & Biases what runs recorded for it",
    "adopt": "Take a bot in that huggingtweets made",
    "fetch": "Copy published bots (weights, tokenizer, card) from the store",
    "gc": "Delete old runs and left checkpoints from the store",
}


def main() -> None:
    """The `htctl` program."""
    output.utf8()
    gc.set_threshold(100_000, 50, 100)  # a list of 10,000 Jobs is read in a third of the time, and has no cycles
    wanted = COMMANDS if os.environ.get(COMPLETION) else sys.argv[1:]
    build(wanted)()


def build(wanted: Collection[str] = COMMANDS) -> typer.Typer:
    """The application; plain help and tracebacks, since drawing them would double its start-up.

    Of commands that are not `wanted` only their lines are there: to load all would double it once more.
    """
    app = typer.Typer(
        name="htctl",
        help="Bots from posts, trained in batches on Kubernetes.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name, line in COMMANDS.items():
        app.command(name, short_help=line)(_bounded(_load(name)) if name in wanted else _nothing)
    return app


def _load(name: str) -> Callable[..., int]:
    module = importlib.import_module(f"htctl.commands.{name}")
    return cast(Callable[..., int], getattr(module, name))


def _nothing() -> None:
    """Stands for a command that nobody asked for."""


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata

        output.line(f"htctl {metadata.version('htctl')}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Say the version and stop.", callback=_say_version, is_eager=True),
    ] = False,
) -> None:
    """Bots from posts, trained in batches on Kubernetes."""


def _bounded(command: Callable[..., int]) -> Callable[..., None]:
    """The command, with its result and its errors as exit codes: 0 well, 1 failed, 2 usage, 3 fault."""

    @functools.wraps(command)
    def bounded(*args: Any, **kwargs: Any) -> None:
        try:
            code = command(*args, **kwargs)
        except ConfigError as error:
            output.error(str(error))
            code = USAGE
        except HtctlError as error:
            output.error(str(error))
            code = 1
        except KeyboardInterrupt:
            code = INTERRUPTED
        except BrokenPipeError:  # the reader has seen enough: `htctl posts BOT | head`
            code = output.hang_up()
        except Exception:
            output.fault()
            code = FAULT
        raise typer.Exit(code)

    return bounded
