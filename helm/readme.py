"""Writes the chart's README.md: its head from helm/README.head.md, its tables of values from values.yaml."""

import itertools
import json
from pathlib import Path
from typing import Any

from helm import values

OUT = values.CHART / "README.md"
HEAD = Path(__file__).parent / "README.head.md"


def text() -> str:
    """The file's text."""
    tables = []
    for section, found in itertools.groupby(values.read(), lambda value: _section(value.path)):
        rows = [f"| `{value.name}` | {_default(value.default)} | {_cell(value.text)} |" for value in found]
        tables.append("\n".join([f"### {section}\n", "| value | default | |", "| --- | --- | --- |", *rows]))
    return HEAD.read_text(encoding="utf-8") + "\n\n".join(tables) + "\n"


def _section(path: tuple[str, ...]) -> str:
    return path[0] if len(path) > 1 else "names and labels"


def _default(value: Any) -> str:
    return f"`{_cell(json.dumps(value, ensure_ascii=False))}`"


def _cell(said: str) -> str:
    return said.replace("|", "\\|")


if __name__ == "__main__":
    OUT.write_text(text(), encoding="utf-8")
