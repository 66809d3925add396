from importlib import metadata
from typing import Any

import pytest
from typer.testing import CliRunner

from htctl import app
from pipeline.errors import ConfigError, HtctlError, TooFewPostsError
from tests.htctl.runner import htctl


def test_help_names_every_command() -> None:
    shown = htctl("--help")
    assert shown.code == 0
    assert all(f"\n  {name} " in shown.out for name in app.COMMANDS)
    assert "..." not in shown.out.partition("Commands:")[2]  # no line is cut at 80 columns


@pytest.mark.parametrize("name", app.COMMANDS)
def test_every_command_and_option_has_help(name: str) -> None:
    shown = htctl(name, "-h")
    assert shown.code == 0
    options = [line.split() for line in shown.out.splitlines() if line.startswith("  -")]
    assert len(options) >= 2
    assert f"Usage: htctl {name}" in shown.out


@pytest.mark.parametrize("name", app.COMMANDS)
def test_a_command_s_line_is_how_its_own_text_begins(name: str) -> None:
    assert (app._load(name).__doc__ or "").startswith(app.COMMANDS[name])


def test_help_is_the_same_whether_commands_are_loaded_or_not() -> None:
    shown = CliRunner().invoke(app.build([]), ["--help"])
    assert shown.output == htctl("--help").out


def test_version() -> None:
    assert htctl("--version").out == f"htctl {metadata.version('htctl')}\n"


@pytest.mark.parametrize(
    ("raised", "code", "says"),
    [
        (ConfigError("x: unknown key"), 2, "error: x: unknown key\n"),
        (TooFewPostsError("too few"), 1, "error: too few\n"),
        (HtctlError("away"), 1, "error: away\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_each_error_has_its_code_and_one_line(monkeypatch: Any, raised: BaseException, code: int, says: str) -> None:
    def fail() -> int:
        raise raised

    monkeypatch.setattr("htctl.commands.bots.bots", fail)
    assert htctl("bots") == (code, "", says)


def test_a_fault_is_one_line_and_a_file_to_send(monkeypatch: Any, tmp_path: Any) -> None:
    def fail() -> int:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("htctl.commands.bots.bots", fail)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    ran = htctl("bots")
    assert ran.code == 3
    assert ran.err.startswith("error: a fault in htctl: ZeroDivisionError: division by zero; the whole is in ")
    assert ran.err.count("\n") == 1
    (log,) = tmp_path.glob("htctl-fault-*.log")
    assert "Traceback" in log.read_text()


@pytest.mark.parametrize("arguments", [["nothing"], ["run", "--nothing"], ["generate"]])
def test_usage_errors_are_2(arguments: list[str]) -> None:
    assert htctl(*arguments).code == 2
