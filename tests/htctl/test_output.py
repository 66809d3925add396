import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from htctl import output
from pipeline.errors import ConfigError


def test_a_table_in_a_pipe_is_tabs_without_heading(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("BOT", "RUN"), [("alice", "r1"), ("bob", "r2")])
    assert capsys.readouterr().out == "alice\tr1\nbob\tr2\n"


def test_a_table_on_a_terminal_has_a_heading_and_shows_brackets_as_they_are() -> None:
    code = "from htctl import output; output.table(('BOT',), [('[red]alice[/red]',)])"
    mine, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", code], stdout=theirs, check=True)
    shown = os.read(mine, 10_000).decode()
    assert "BOT" in shown
    assert "[red]alice[/red]" in shown


def test_json_is_readable_in_every_script(capsys: pytest.CaptureFixture[str]) -> None:
    output.data({"bot": "落合"})
    assert capsys.readouterr().out == '{\n  "bot": "落合"\n}\n'


def test_control_characters_of_strangers_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.line("a\x1b[31mred\x07\tb")
    assert capsys.readouterr().out == "a[31mred\tb\n"


def test_a_reader_that_has_seen_enough_is_no_fault(tmp_path: Path) -> None:
    code = (
        "from htctl import app, output\nfrom htctl.commands import bots\n"
        "bots.bots = lambda: [output.line('x' * 1000) for _ in range(10000)] and 0\n"
        "import sys; sys.argv = ['htctl', 'bots']; app.main()"
    )
    shown = subprocess.run(
        ["sh", "-c", f'"$0" -c "$1" 2>{tmp_path}/err | head -1 | wc -l', sys.executable, code],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout.strip() == "1"
    assert (tmp_path / "err").read_text() == ""


def test_any_script_goes_out_whatever_the_locale() -> None:
    code = "from htctl import output; output.utf8(); output.line('\\u843d\\u5408 \\U0001f424 \\ud83d')"
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert result.stdout.decode() == "落合 🐤 ?\n"


@pytest.mark.parametrize(
    ("count", "says"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_960, "1.0 MB"),
        (1_234_567_890, "1.2 GB"),
        (10**18, "1,000.0 PB"),
    ],
)
def test_bytes_as_a_person_says_them(count: int, says: str) -> None:
    assert output.size(count) == says


@pytest.mark.parametrize(("amount", "says"), [(0, "$0.00"), (0.004, "under $0.01"), (1234.5, "$1,234.50")])
def test_money_as_a_person_says_it(amount: float, says: str) -> None:
    assert output.dollars(amount) == says


def test_nobody_is_asked_where_there_is_no_terminal() -> None:
    with pytest.raises(ConfigError, match="nobody can be asked here: nothing was done; --yes"):
        output.ask("delete these?")


def test_a_long_action_says_how_far_it_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "EVERY", 0.01)
    said: list[int] = []
    with output.progress("fetch alice", 4000, lambda: said.append(1) or 1000):
        while len(said) < 2:
            time.sleep(0.01)
    assert capsys.readouterr().err.splitlines()[0] == "fetch alice: 1.0 kB of 4.0 kB (25%)"


@pytest.mark.parametrize("total", [0, 4000])
def test_a_long_action_on_a_terminal_is_a_bar_that_goes(total: int) -> None:
    code = (
        f"import time; from htctl import output\nwith output.progress('fetch', {total}, lambda: 1000): time.sleep(0.5)"
    )
    mine, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", code], stdin=theirs, stdout=theirs, stderr=theirs, check=True)
    assert "fetch" in os.read(mine, 10_000).decode()


@pytest.mark.parametrize(("count", "said"), [(0, ""), (5, "a0, a1, a2, a3, a4"), (7, "a0, a1, a2, a3, a4 and 2 more")])
def test_of_many_names_the_first(count: int, said: str) -> None:
    assert output.some([f"a{number}" for number in range(count)]) == said
