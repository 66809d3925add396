"""What is wrong with a batch as written, and with its groups once merged: each problem with its path in the file."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from htctl.batch import SETTINGS, Group
from k8s import settings as k8s_settings
from pipeline import basemodels, config, handles, schema, settings
from pipeline.schema import Problem
from pipeline.settings import Settings

KEYS = ("batch", "store", "consent", "defaults", "groups")
NO_POSTS = "give one (on the command line: --posts FILE), or have them asked for: source: x (--set source=x)"


def of_file(data: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the file's own keys, `defaults` apart."""
    yield from schema.unknown_keys(data, KEYS, ())
    for key in ("batch", "store", "consent"):
        if not isinstance(data.get(key, ""), str):
            yield Problem((key,), f"must be text, not {schema.say(data[key])}")
    if isinstance(data.get("batch"), str) and not config.BATCH.fullmatch(data["batch"]):
        yield Problem(("batch",), f"must be {config.BATCH_RULE}, not '{data['batch']}'")
    if not isinstance(data.get("groups"), list) or not data["groups"]:
        yield Problem(("groups",), "must be a list of at least one group of handles")


def of_item(item: Any) -> Iterator[Problem]:
    """What is wrong with one of the file's groups, as written."""
    if isinstance(item, Mapping):
        yield from of_settings(item, "handles")
        written = item.get("handles")
        if not isinstance(written, str | list) or not written:
            yield Problem(("handles",), "must be a list of handles")
        elif not all(isinstance(handle, str) for handle in written):
            yield Problem(("handles",), "must be text; put quotes around a handle that is a number, yes or no")
    elif not isinstance(item, str):
        yield Problem((), f"must be a handle, handles joined by +, or a mapping, not {schema.say(item)}")


def of_settings(data: Any, *more: str) -> Iterator[Problem]:
    """What is wrong with a mapping of settings, `posts` and the keys in `more`."""
    if not isinstance(data, Mapping):
        yield Problem((), f"must be a mapping, not {schema.say(data)}")
        return
    yield from schema.unknown_keys(data, (*more, "posts", *SETTINGS, "kubernetes"), ())
    yield from at(("kubernetes",), k8s_settings.check(data.get("kubernetes", {}), in_group="handles" in more))
    yield from schema.check(Settings, {key: value for key, value in data.items() if key in SETTINGS})
    posts = data.get("posts", "")
    if not isinstance(posts, str) and not (
        isinstance(posts, Mapping) and all(isinstance(v, str) for v in posts.values())
    ):
        yield Problem(("posts",), "must be a path, with {handle} where the name stands, or a path for each handle")


def of_group(group: Group) -> Iterator[Problem]:
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


def duplicates(groups: Mapping[int, Group]) -> Iterator[Problem]:
    """Groups that would make a bot that another makes; `groups` by index in the file."""
    first: dict[str, int] = {}
    for index, group in groups.items():
        if group.bot in first:
            yield Problem(
                ("groups", index),
                f"the same handles as groups[{first[group.bot]}]: {'+'.join(group.handles)}",
            )
        first.setdefault(group.bot, index)


def at(prefix: schema.Path, problems: Iterable[Problem]) -> list[Problem]:
    """Problems of a part as those of the whole, in which it lies at `prefix`."""
    return [Problem((*prefix, *problem.path), problem.text) for problem in problems]
