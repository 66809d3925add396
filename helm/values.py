"""Reads the chart's values.yaml with its comments: each documented value, its text, its form and its default."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parent / "htctl"
VALUES = CHART / "values.yaml"
TEXT, FORM = "# -- ", "# @schema "

_KEY = re.compile(r"( *)([A-Za-z]\w*):")


@dataclass(frozen=True)
class Value:
    """One value: the keys that lead to it, what it means, its default; `form` is a definition's name or a schema."""

    path: tuple[str, ...]
    text: str
    form: Any
    default: Any

    @property
    def name(self) -> str:
        """As `--set` takes it."""
        return ".".join(self.path)


def read(path: Path = VALUES) -> list[Value]:
    """The documented values, in the file's order."""
    text = path.read_text(encoding="utf-8")
    return list(_documented(text.splitlines(), yaml.safe_load(text)))


def _documented(lines: list[str], data: Any) -> Iterator[Value]:
    above: list[str] = []
    said, form = "", "{}"
    for line in lines:
        bare = line.strip()
        if bare.startswith(TEXT):
            said = bare.removeprefix(TEXT)
        elif bare.startswith(FORM):
            form = bare.removeprefix(FORM)
        elif found := _KEY.match(line):
            above = [*above[: len(found[1]) // 2], found[2]]
            if said:
                yield Value(tuple(above), said, yaml.safe_load(form), at(data, above))
            said, form = "", "{}"


def at(data: Any, path: list[str] | tuple[str, ...]) -> Any:
    """What lies at a path."""
    for step in path:
        data = data[step]
    return data


def leaves(data: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths of all that is no mapping, or an empty one."""
    if isinstance(data, dict) and data:
        for key, inner in data.items():
            yield from leaves(inner, (*path, key))
    else:
        yield path
