"""Plain data (from YAML or JSON) into frozen dataclasses, strictly: every problem found, each with its path."""

import dataclasses
import functools
import re
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
Path = tuple[str | int, ...]


class Problem(NamedTuple):
    """One thing that is wrong: where (keys and list indices from the top) and what."""

    path: Path
    text: str

    def __str__(self) -> str:
        return f"{spell(self.path)}: {self.text}" if self.path else self.text


def setting(
    default: Any,
    text: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    pattern: str = "",
    form: str = "",
) -> Any:
    """A dataclass field with its one-line meaning and its bounds (both ends allowed) or the form of its text.

    `form` says a pattern in words. A default of `dict` is an empty mapping.
    """
    metadata = {"text": text, "low": low, "high": high, "choices": choices, "pattern": pattern, "form": form}
    if default is dict:
        return dataclasses.field(default_factory=dict, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def spell(path: Path) -> str:
    """`("groups", 2, "train", "epochs")` as `groups[2].train.epochs`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def unknown_keys(data: Mapping[Any, Any], known: Iterable[str], path: Path) -> Iterator[Problem]:
    """A problem for every key that nobody reads, with the nearest known one."""
    import difflib

    names = list(known)
    for key in data:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(names)}"
            yield Problem((*path, str(key)), f"unknown key; {hint}")


def check(cls: type[Any], data: Any, path: Path = ()) -> list[Problem]:
    """Everything that is wrong with `data` as the fields of dataclass `cls`; missing keys are not."""
    if not isinstance(data, Mapping):
        return [Problem(path, f"must be a mapping, not {say(data)}")]
    fields = {field.name: field for field in dataclasses.fields(cls)}
    hints = _hints(cls)
    problems = list(unknown_keys(data, fields, path))
    for name, field in fields.items():
        if name in data:
            problems += _check_value(hints[name], data[name], field.metadata, (*path, name))
    return problems


def kind(cls: type[Any], path: Sequence[str]) -> Any:
    """The type of the field at `path` in dataclass `cls` and those inside it; None where there is none."""
    for step in path:
        if not dataclasses.is_dataclass(cls):
            return None
        cls = _hints(cls).get(step, type(None))
    return None if cls is type(None) else cls


def build(cls: type[T], data: Mapping[str, Any]) -> T:
    """`data`, already found sound by `check`, as an instance of dataclass `cls`."""
    hints = _hints(cls)
    fields = {field.name: field for field in dataclasses.fields(typing.cast(Any, cls))}
    return cls(**{name: _convert(hints[name], _spelt(value, fields[name].metadata)) for name, value in data.items()})


def _spelt(value: Any, bounds: Mapping[str, Any]) -> Any:
    """What YAML 1.1 reads as false where it says `off`, as it was written."""
    return "off" if value is False and "off" in bounds.get("choices", ()) else value


def _hints(cls: Any) -> dict[str, Any]:
    """The types of a dataclass's fields, found once: it takes longer than all the rest of `build`."""
    return _found_hints(cls)


@functools.cache
def _found_hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def say(value: Any) -> str:
    """How a value is named in a message to a person."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return f"'{value}'"


def _check_value(kind: Any, value: Any, bounds: Mapping[str, Any], path: Path) -> list[Problem]:
    if dataclasses.is_dataclass(kind):
        return check(typing.cast(type[Any], kind), value, path)
    if kind is Any:  # what somebody else checks
        return []
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            return [Problem(path, f"must be a list, not {say(value)}")]
        return [p for i, item in enumerate(value) for p in _check_value(arguments[0], item, bounds, (*path, i))]
    if origin in (dict, Mapping):
        if not isinstance(value, Mapping):
            return [Problem(path, f"must be a mapping, not {say(value)}")]
        return [p for key, item in value.items() for p in _check_value(arguments[1], item, {}, (*path, key))]
    problem = _check_scalar(kind, value, bounds)
    return [Problem(path, problem)] if problem else []


def _check_scalar(kind: type[Any], value: Any, bounds: Mapping[str, Any]) -> str:
    value = _spelt(value, bounds)
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    if kind is float and isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)  # YAML 1.1 reads 1e-4 as text
    if kind is str and type(value) is int and bounds.get("choices"):
        value = str(value)  # zero_stage: 2
    accepted = (int, float) if kind is float else (kind,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        return f"must be {names[kind]}, not {say(value)}"
    low, high, choices = bounds.get("low"), bounds.get("high"), bounds.get("choices")
    if bounds.get("pattern") and not re.fullmatch(bounds["pattern"], str(value)):
        return f"must be {bounds.get('form') or 'of the form ' + bounds['pattern']}, not '{value}'"
    if choices and value not in choices:
        return f"must be one of {', '.join(choices)}, not '{value}'"
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        return f"must be {_between(low, high)}, not {value}"
    return ""


def _between(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"at least {low}" if high is None else f"at most {high}"
    return f"between {low} and {high}"


def _convert(kind: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(kind):
        return build(typing.cast(type[Any], kind), value)
    if typing.get_origin(kind) is tuple:
        return tuple(value)
    return kind(value) if kind in (float, str) else value


_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
