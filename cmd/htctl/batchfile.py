"""The batch file: read, checked as a whole, and merged into one set of settings for each group."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from htctl import consent
from k8s import settings as k8s_settings
from k8s.settings import Kubernetes
from pipeline import basemodels, config, handles, identity, schema, settings
from pipeline.config import RunConfig
from pipeline.errors import ConfigError
from pipeline.schema import Problem
from pipeline.settings import Settings

COMMAND_LINE = "--set"
KEYS = ("batch", "store", "consent", "defaults", "groups")
NO_POSTS = "give one (on the command line: --posts FILE), or have them asked for: source: x (--set source=x)"
SETTINGS = tuple(field.name for field in fields(Settings))


@dataclass(frozen=True)
class Group:
    """The handles of one bot, where their posts lie (by handle in lower case), its settings, and how its Job runs.

    `sources` gives, for handles in lower case that are not at the settings' source, where they are.
    """

    handles: tuple[str, ...]
    posts: dict[str, Path]
    settings: Settings
    kubernetes: Kubernetes
    sources: dict[str, str] = field(default_factory=dict)

    @property
    def bot(self) -> str:
        """The bot's id."""
        return identity.bot_id(self.settings.source, self.qualified)

    @property
    def qualified(self) -> tuple[str, ...]:
        """The handles, those at other sources than the group's with their source."""
        return handles.qualified(self.handles, self.sources)

    def source_of(self, handle: str) -> str:
        """Where one of the handles is."""
        return self.sources.get(handle.lower(), self.settings.source)


@dataclass(frozen=True)
class Batch:
    """What is submitted or run together; `store` is empty where the file names none."""

    name: str
    store: str
    groups: tuple[Group, ...]

    def run_config(self, group: Group, store: str, posts: dict[str, str]) -> RunConfig:
        """A group's run: its settings, and the SHA-256 of each handle's posts file."""
        settings = {name: getattr(group.settings, name) for name in SETTINGS}
        handles, sources = group.handles, group.sources
        return RunConfig(batch=self.name, store=store, handles=handles, posts=posts, sources=sources, **settings)


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
    of_overrides = _at((COMMAND_LINE,), _check_settings(overrides))
    if not isinstance(data, Mapping):
        text = f"must be a mapping with {', '.join(KEYS)}, not {schema.say(data)}"
        raise BatchError([*problems, Problem((), text), *of_overrides])
    defaults, items = data.get("defaults") or {}, data.get("groups")
    of_settings = [*_at(("defaults",), _check_settings(defaults)), *of_overrides]
    outside = [*problems, *_check_file(data), *of_settings]
    inside: list[Problem] = []
    groups: dict[int, Group] = {}
    common = functools.cache(lambda: _merged(defaults, {}, overrides, folder))  # of the thousands without their own
    for index, item in enumerate(items if isinstance(items, list) else []):
        wrong = list(_check_item(item))
        if not wrong and not of_settings:
            own = {} if isinstance(item, str) else {key: item[key] for key in item if key != "handles"}
            made = _merged(defaults, own, overrides, folder) if own else common()
            groups[index] = _group(item if isinstance(item, str) else item["handles"], made, folder)
            wrong = list(_check_group(groups[index]))
        inside += _at(("groups", index), wrong)
    inside += _duplicates(groups)
    if "consent" in data and isinstance(data["consent"], str):
        inside += consent.problems(data["consent"], folder, [(n, group.handles) for n, group in groups.items()])
    if outside or inside:
        raise BatchError([*outside, *inside])
    store = str(data.get("store") or "")
    if store and "://" not in store:
        store = str(folder / Path(store).expanduser())
    return Batch(str(data.get("batch") or identity.batch_name(name)), store, tuple(groups.values()))


def _check_file(data: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the file's own keys, `defaults` apart."""
    yield from schema.unknown_keys(data, KEYS, ())
    for key in ("batch", "store", "consent"):
        if not isinstance(data.get(key, ""), str):
            yield Problem((key,), f"must be text, not {schema.say(data[key])}")
    if isinstance(data.get("batch"), str) and not config.BATCH.fullmatch(data["batch"]):
        yield Problem(("batch",), f"must be {config.BATCH_RULE}, not '{data['batch']}'")
    if not isinstance(data.get("groups"), list) or not data["groups"]:
        yield Problem(("groups",), "must be a list of at least one group of handles")


def _check_item(item: Any) -> Iterator[Problem]:
    if isinstance(item, Mapping):
        yield from _check_settings(item, "handles")
        handles = item.get("handles")
        if not isinstance(handles, str | list) or not handles:
            yield Problem(("handles",), "must be a list of handles")
        elif not all(isinstance(handle, str) for handle in handles):
            yield Problem(("handles",), "must be text; put quotes around a handle that is a number, yes or no")
    elif not isinstance(item, str):
        yield Problem((), f"must be a handle, handles joined by +, or a mapping, not {schema.say(item)}")


def _check_settings(data: Any, *more: str) -> Iterator[Problem]:
    """What is wrong with a mapping of settings, `posts` and the keys in `more`."""
    if not isinstance(data, Mapping):
        yield Problem((), f"must be a mapping, not {schema.say(data)}")
        return
    yield from schema.unknown_keys(data, (*more, "posts", *SETTINGS, "kubernetes"), ())
    yield from _at(("kubernetes",), k8s_settings.check(data.get("kubernetes", {}), in_group="handles" in more))
    yield from schema.check(Settings, {key: value for key, value in data.items() if key in SETTINGS})
    posts = data.get("posts", "")
    if not isinstance(posts, str) and not (
        isinstance(posts, Mapping) and all(isinstance(v, str) for v in posts.values())
    ):
        yield Problem(("posts",), "must be a path, with {handle} where the name stands, or a path for each handle")


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


def _check_group(group: Group) -> Iterator[Problem]:
    """What is wrong with a group as a whole, after merging."""
    import difflib

    from htctl import postsfiles

    yield from handles.wrong_handles(group.settings.source, group.qualified)
    names = [handle.lower() for handle in group.handles]
    for handle in dict.fromkeys(names):
        if handle not in group.posts:
            if group.source_of(handle) in handles.FILES:
                yield Problem(("posts",), f"no posts file for @{handle}; {NO_POSTS}")
        elif problem := postsfiles.problem(
            group.posts[handle], handle, group.source_of(handle), skip_bad=group.settings.skip_bad
        ):
            yield Problem(("posts",), problem)
    own = [group.posts[handle] for handle in set(names) if handle in group.posts]
    if len(set(own)) < len(own):
        yield Problem(("posts",), "two handles have one posts file; give each its own, such as posts/{handle}.jsonl")
    name = group.settings.base_model
    if basemodels.is_folder(name) and not Path(name).is_dir() and not group.kubernetes.has_model(name):
        yield Problem(("base_model",), f"no such folder: {name}")
    if name != basemodels.TINY and difflib.get_close_matches(name.lower(), [basemodels.TINY], 1, 0.7):
        yield Problem(("base_model",), f"'{name}': did you mean '{basemodels.TINY}'?")
    yield from settings.impossible(group.settings)


def _duplicates(groups: Mapping[int, Group]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, group in groups.items():
        if group.bot in first:
            yield Problem(
                ("groups", index),
                f"the same handles as groups[{first[group.bot]}]: {'+'.join(group.handles)}",
            )
        first.setdefault(group.bot, index)


def _at(prefix: schema.Path, problems: Any) -> list[Problem]:
    return [Problem((*prefix, *problem.path), problem.text) for problem in problems]


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
