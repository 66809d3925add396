"""The batch file: read, checked as a whole, and merged into one set of settings for each group."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from htctl import batchchecks, consent
from htctl.batch import Batch, Group, name_and_store
from k8s import settings as k8s_settings
from k8s.settings import Kubernetes
from pipeline import basemodels, handles, schema, settings
from pipeline.errors import ConfigError
from pipeline.schema import Problem
from pipeline.settings import Settings

COMMAND_LINE = "--set"


def load(path: Path, overrides: Mapping[str, Any]) -> Batch:
    """The batch in a YAML file; raises ConfigError with every problem, each with file and line."""
    from htctl import yamlfile  # PyYAML is loaded only by who reads YAML

    document = yamlfile.read(path)
    try:
        return build(document.data, overrides, name=path.stem, folder=path.parent, problems=document.problems)
    except BatchError as found:
        raise ConfigError("\n       ".join(_say(path, document.lines, problem) for problem in found.problems)) from None


class BatchError(ConfigError):
    """Everything that is wrong with a batch."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n       ".join(map(spell, problems)))
        self.problems = problems


def build(
    data: Any, overrides: Mapping[str, Any], *, name: str, folder: Path, problems: Sequence[Problem] = ()
) -> Batch:
    """A batch from plain data; raises BatchError.

    Relative paths start at `folder`; `overrides` are settings from the command line, which win.
    """
    of_overrides = batchchecks.at((COMMAND_LINE,), batchchecks.of_settings(overrides))
    if not isinstance(data, Mapping):
        text = f"must be a mapping with {', '.join(batchchecks.KEYS)}, not {schema.say(data)}"
        raise BatchError([*problems, Problem((), text), *of_overrides])
    defaults, items = data.get("defaults") or {}, data.get("groups")
    of_settings = [*batchchecks.at(("defaults",), batchchecks.of_settings(defaults)), *of_overrides]
    outside = [*problems, *batchchecks.of_file(data), *of_settings]
    inside: list[Problem] = []
    groups: dict[int, Group] = {}
    common = functools.cache(lambda: _merged(defaults, {}, overrides, folder))  # of the thousands without their own
    for index, item in enumerate(items if isinstance(items, list) else []):
        wrong = list(batchchecks.of_item(item))
        if not wrong and not of_settings:
            own = {} if isinstance(item, str) else {key: item[key] for key in item if key != "handles"}
            made = _merged(defaults, own, overrides, folder) if own else common()
            groups[index] = _group(item if isinstance(item, str) else item["handles"], made, folder)
            wrong = list(batchchecks.of_group(groups[index]))
        inside += batchchecks.at(("groups", index), wrong)
    inside += batchchecks.duplicates(groups)
    if "consent" in data and isinstance(data["consent"], str):
        inside += consent.problems(data["consent"], folder, [(n, group.handles) for n, group in groups.items()])
    if outside or inside:
        raise BatchError([*outside, *inside])
    return Batch(*name_and_store(data, name, folder), tuple(groups.values()))


class _Merged(NamedTuple):
    """A group's settings before its handles are looked at; `posts` as written."""

    posts: Any
    settings: Settings
    kubernetes: Kubernetes


def _merged(defaults: Mapping[str, Any], own: Mapping[str, Any], overrides: Mapping[str, Any], folder: Path) -> _Merged:
    """Merge: built-in default < the file's defaults < the group < the command line."""
    given = merge(merge(defaults, own), overrides)
    base_model = str(given.get("base_model", Settings.base_model))
    merged = merge(settings.built_in(base_model), given)
    posts = merged.pop("posts", {})
    merged.pop("kubernetes", None)  # its lists merge by other rules
    if "base_model" in merged:
        merged["base_model"] = _resolved(merged["base_model"], folder if "base_model" not in overrides else Path())
    layers: list[Any] = [layer.get("kubernetes", {}) for layer in (defaults, own, overrides)]
    return _Merged(posts, schema.build(Settings, merged), k8s_settings.build(*layers))


def _group(written: str | Sequence[str], made: _Merged, folder: Path) -> Group:
    source = made.settings.source
    accounts = [handles.parse(each, source) for each in (written.split("+") if isinstance(written, str) else written)]
    to_find = [account.name for account in accounts if account.source in (source, *handles.FILES)]
    main = handles.main_source(accounts, source)
    settings = made.settings if main == source else replace(made.settings, source=main)
    names, sources = tuple(account.name for account in accounts), handles.others(accounts, main)
    return Group(names, _posts(made.posts, to_find, folder), settings, made.kubernetes, sources)


def _resolved(base_model: str, folder: Path) -> str:
    """A path as an absolute one; a hub id (`owner/name`, where no such folder is) and `tiny` as they are."""
    path = folder / Path(base_model).expanduser()
    if base_model.startswith((".", "/", "~")) or (base_model != basemodels.TINY and path.is_dir()):
        return str(path.resolve())
    return base_model


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Both mappings as one, mappings inside them too; where both have a value, `over` wins."""
    merged = dict(under)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _posts(given: str | Mapping[str, str], names: Sequence[str], folder: Path) -> dict[str, Path]:
    """Where posts lie, by handle in lower case; `names` are the handles that a path with {handle} is for."""
    if isinstance(given, str):
        given = {name: given.replace("{handle}", name) for name in names if given}
    return {handles.name(handle): folder / Path(path).expanduser() for handle, path in given.items()}


def _say(file: Path, lines: Mapping[schema.Path, int], problem: Problem) -> str:
    """`FILE:LINE: PROBLEM`, the line being that of the nearest part that the file has."""
    path = problem.path
    if path[:1] == (COMMAND_LINE,):
        return spell(problem)
    while path and path not in lines:
        path = path[:-1]
    return f"{file}:{lines.get(path, 1)}: {problem}"


def spell(problem: Problem) -> str:
    """A problem as a line; one of the command line's settings as the option that gave it."""
    if problem.path[:1] == (COMMAND_LINE,):
        return f"{COMMAND_LINE} {Problem(problem.path[1:], problem.text)}"
    return str(problem)
