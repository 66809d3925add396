import io
from typing import Any

import pytest
from rich.console import Console

from pipeline import progress
from pipeline.progress import Report


def report(terminal: bool) -> tuple[Report, io.StringIO]:
    written = io.StringIO()
    return Report(Console(file=written, force_terminal=terminal, width=100, soft_wrap=True)), written


def test_plain_lines_in_a_pipe_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 4))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(clock)))
    said, written = report(terminal=False)
    with said.bar("train", 100, "tokens") as bar:
        for _ in range(10):
            bar.advance(10, "loss 2.50")
    lines = written.getvalue().splitlines()
    assert 2 <= len(lines) < 10
    assert lines[-1].startswith("train: 100%, ")
    assert lines[-1].endswith("0 s left, loss 2.50")
    assert "tokens/s" in lines[0]


def test_a_bar_on_a_terminal_shows_speed_and_time_left() -> None:
    said, written = report(terminal=True)
    with said.bar("train", 100, "tokens") as bar:
        bar.advance(50, "loss 2.50")
    assert "tokens/s" in written.getvalue()
    assert "loss 2.50" in written.getvalue()


@pytest.mark.parametrize("text", ["[red]not markup[/red]", "@a [b] [/c]"])
def test_a_stranger_s_text_is_no_markup(text: str) -> None:
    said, written = report(terminal=False)
    said.line(text)
    assert written.getvalue() == f"{text}\n"


def test_every_line_is_kept_for_the_log() -> None:
    said, _ = report(terminal=False)
    said.line("hello")
    kept: Any = said.said
    assert kept[0].endswith(" hello")
