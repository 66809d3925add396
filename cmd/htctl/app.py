"""The table of commands, and the one place where errors become a line and an exit code."""

import functools
from collections.abc import Callable
from typing import Annotated, Any

import typer

from htctl import output
from htctl.commands import (
    bots,
    cancel,
    card,
    doctor,
    fetch,
    gc,
    generate,
    init,
    logs,
    pause,
    posts,
    render,
    resume,
    retry,
    run,
    status,
    submit,
    watch,
)
from pipeline.errors import INTERRUPTED, ConfigError, HtctlError

USAGE, FAULT = 2, 3

COMMANDS: dict[str, Callable[..., int]] = {
    "init": init.init,
    "run": run.run,
    "render": render.render,
    "submit": submit.submit,
    "status": status.status,
    "watch": watch.watch,
    "logs": logs.logs,
    "cancel": cancel.cancel,
    "retry": retry.retry,
    "pause": pause.pause,
    "resume": resume.resume,
    "bots": bots.bots,
    "posts": posts.posts,
    "doctor": doctor.doctor,
    "generate": generate.generate,
    "card": card.card,
    "fetch": fetch.fetch,
    "gc": gc.gc,
}


def main() -> None:
    """The `htctl` program."""
    output.utf8()
    build()()


def build() -> typer.Typer:
    """The application; plain help and tracebacks, since drawing them would double its start-up."""
    app = typer.Typer(
        name="htctl",
        help="Bots from posts, trained in batches on Kubernetes.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name, command in COMMANDS.items():
        app.command(name)(_bounded(command))
    return app


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
