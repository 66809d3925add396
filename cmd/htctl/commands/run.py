"""`htctl run`: makes bots here, one after the other, without a cluster."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from htctl import basebots, batchfile, options, output, postsfiles, process, selection, summary
from htctl.batchfile import Batch, Group
from pipeline import identity
from pipeline.errors import INTERRUPTED, ConfigError
from pipeline.store import Store, open_store


def run(
    groups: Annotated[
        list[str] | None,
        typer.Argument(
            help="Handles; a+b makes one bot of two accounts. With -f: only these of its groups.", show_default=False
        ),
    ] = None,
    file: options.FileOption = None,
    posts: Annotated[
        list[str] | None,
        typer.Option(
            "--posts",
            help="A handle's posts: FILE, or HANDLE=FILE; once for each handle. X's archive: its zip or folder.",
            show_default=False,
        ),
    ] = None,
    base_model: Annotated[
        str, typer.Option(help="A hub id, a folder, 'bot:BOT' (of the store) or 'tiny' (for trying).")
    ] = "",
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Count lines of posts files that hold no post, and leave them out.")
    ] = False,
    batch: Annotated[str, typer.Option(help="The batch's name [default: from the file or the handles].")] = "",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting, such as train.epochs=2.", show_default=False),
    ] = None,
    store: options.StoreOption = "",
) -> int:
    """Make bots here, without a cluster: posts in; weights, samples and a model card out.

    The same command again goes on where it stopped. Exit code 0: all bots are published. Of a single bot
    that failed it is the pipeline's own (65: too few posts), of several 1.
    """
    overrides = options.settings(set_ or [])
    overrides |= {"base_model": base_model} if base_model else {}
    overrides |= {"skip_bad": True} if skip_bad else {}
    if not groups and not file:
        raise ConfigError("say what to make: handles (htctl run NAME --posts FILE) or a batch file (-f bots.yaml)")
    if file and posts:
        raise ConfigError("--posts goes with handles; in a batch file write it as 'posts:'")
    if file:
        asked = selection.load(file, overrides, groups or [], batch)
    else:
        asked = selection.renamed(_from_handles(groups or [], posts or [], overrides), batch)
    opened = open_store(options.store_address(store, asked.store))
    asked = basebots.pinned(asked, opened)
    codes: dict[str, int] = {}
    for group in asked.groups:
        codes[group.bot] = _make(asked, group, opened)
        if codes[group.bot] == INTERRUPTED:  # Ctrl-C ends the batch, not only the bot
            return INTERRUPTED
    return _conclude(codes)


def _conclude(codes: dict[str, int]) -> int:
    """The command's exit code, from each bot's."""
    if len(codes) == 1:
        return next(iter(codes.values()))
    failed = [bot for bot, code in codes.items() if code]
    ending = f"; failed: {', '.join(failed)}" if failed else ""
    output.note(f"{len(codes) - len(failed)} of {len(codes)} bots are published{ending}")
    return int(bool(failed))


def _from_handles(groups: Sequence[str], posts: Sequence[str], overrides: dict[str, Any]) -> Batch:
    """A batch as the command line gives it: files belong to handles as told, by their names, else in order."""
    handles = list(dict.fromkeys(_name(handle) for group in groups for handle in group.split("+")))
    by_name: dict[str, str] = {}
    in_order = []
    for text in posts:
        handle, equals, path = text.partition("=")
        if not equals:
            stem = Path(text).name.partition(".")[0].lower()  # alice.jsonl is alice's
            handle, path = (stem, text) if stem in handles else ("", text)
        elif _name(handle) not in handles and not Path(text).exists():
            raise ConfigError(f"--posts {text}: @{_name(handle)} is not among the handles: {', '.join(handles)}")
        if _name(handle) not in handles:
            in_order.append(text)
        elif by_name.setdefault(_name(handle), path) != path:
            raise ConfigError(f"--posts {text}: @{_name(handle)} has {by_name[_name(handle)]} already")
    others = [handle for handle in handles if handle not in by_name]
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


def _make(batch: Batch, group: Group, store: Store) -> int:
    """One bot; returns the exit code of its run."""
    files = {}
    try:
        for handle in group.handles:
            path = group.posts[handle.lower()]
            files[handle.lower()] = postsfiles.keep(store, path, handle, skip_bad=group.settings.skip_bad)
    except ConfigError as error:  # this bot's posts, so no reason to leave out the others
        output.error(str(error))
        return error.exit_code
    code = process.run_pipeline(batch.run_config(group, store.address, files))
    if code == 0:
        summary.show(store, group.bot)
    return code


def _name(handle: str) -> str:
    return identity.bare(handle).lower()
