"""What a command is to make: a batch file or some of its groups, or handles as they stand on the command line."""

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from htctl import batchfile, output
from htctl.batch import Batch
from pipeline import config, handles, identity
from pipeline.errors import ConfigError


def asked(
    file: Path | None, groups: Sequence[str], posts: Sequence[str], overrides: Mapping[str, Any], name: str
) -> Batch:
    """A batch from a file, or from handles and their posts files; another name where one is given."""
    if file and posts:
        raise ConfigError("--posts goes with handles; in a batch file write it as 'posts:'")
    if file:
        return load(file, overrides, groups, name)
    if not groups:
        raise ConfigError("say what to make: a batch file (-f bots.yaml), or handles (NAME --posts FILE)")
    return renamed(_from_handles(groups, posts, overrides), name)


def load(file: Path, overrides: Mapping[str, Any], groups: Sequence[str], name: str) -> Batch:
    """A batch file with the groups that are asked for (all where none is) and another name where one is given."""
    return renamed(only(batchfile.load(file, overrides), groups), name)


def only(batch: Batch, wanted: Sequence[str]) -> Batch:
    """The groups of a batch that are asked for, by bot or by handles; all where none is named."""
    by_bot = {group.bot: group for group in batch.groups}
    by_names = {tuple(sorted(map(str.lower, group.handles))): group.bot for group in batch.groups}
    bots = [text if text in by_bot else by_names.get(tuple(handles.names(text)), "") for text in wanted]
    for bot, text in zip(bots, wanted, strict=True):
        if not bot:
            near = difflib.get_close_matches(text, by_bot, 1)
            hint = f"did you mean {near[0]}?" if near else f"it has {output.some(list(by_bot))}"
            raise ConfigError(f"{text} is no group of the batch file; {hint}")
    return dataclasses.replace(batch, groups=tuple(by_bot[bot] for bot in dict.fromkeys(bots))) if bots else batch


def renamed(batch: Batch, name: str) -> Batch:
    """The batch under another name, where one is given."""
    if not name:
        return batch
    if not config.BATCH.fullmatch(name):
        raise ConfigError(f"--batch {name}: must be {config.BATCH_RULE}")
    return dataclasses.replace(batch, name=name)


def _from_handles(groups: Sequence[str], posts: Sequence[str], overrides: Mapping[str, Any]) -> Batch:
    """A batch as the command line gives it: files belong to handles as told, by their names, else in order."""
    given = [handles.parse(handle, "jsonl") for group in groups for handle in group.split("+")]
    names = list(dict.fromkeys(account.name.lower() for account in given))
    of_files = {account.name.lower() for account in given if account.source in handles.FILES}
    by_name: dict[str, str] = {}
    in_order = []
    for text in posts:
        handle, equals, path = text.partition("=")
        if not equals:
            stem = Path(text).name.partition(".")[0].lower()  # alice.jsonl is alice's
            handle, path = (stem, text) if stem in names else ("", text)
        elif handles.name(handle) not in names and not Path(text).exists():
            raise ConfigError(f"--posts {text}: @{handles.name(handle)} is not among the handles: {', '.join(names)}")
        name = handles.name(handle)
        if name not in names:
            in_order.append(text)
        elif by_name.setdefault(name, path) != path:
            raise ConfigError(f"--posts {text}: @{name} has {by_name[name]} already")
    others = [name for name in names if name in of_files and name not in by_name]
    if len(in_order) > len(others):
        raise ConfigError(f"--posts {in_order[len(others)]}: there are more posts files than handles")
    files = by_name | dict(zip(others, in_order, strict=False))
    data = {"groups": list(groups), "defaults": {"source": "jsonl", "posts": files}}
    name = "-".join(identity.bot_id("jsonl", identity.named(group)) for group in groups)
    try:
        return batchfile.build(data, overrides, name=name, folder=Path())
    except batchfile.BatchError as error:  # the person wrote no `groups`: where in them a problem is says nothing
        shown = (p.text if p.path[:1] == ("groups",) else batchfile.spell(p) for p in error.problems)
        raise ConfigError("\n       ".join(shown)) from None
