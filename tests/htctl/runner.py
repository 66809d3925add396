"""`htctl` as a person starts it, in this process: exit code and both outputs."""

from typing import NamedTuple

from typer.testing import CliRunner

from htctl import app


class Ran(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


def htctl(*arguments: str) -> Ran:
    result = CliRunner().invoke(app.build(), list(arguments))
    return Ran(result.exit_code, result.stdout, result.stderr)
