"""`htctl run`: makes bots here, one after the other, without a cluster."""

from typing import Annotated

import typer

from htctl import basebots, costs, options, output, postsfiles, process, selection, summary
from htctl.batch import Batch, Group
from pipeline.errors import INTERRUPTED, ConfigError
from pipeline.store import Store, open_store


def run(
    groups: options.HandlesArgument = None,
    file: options.FileOption = None,
    posts: options.PostsOption = None,
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
    max_cost: options.MaxCostOption = None,
    store: options.StoreOption = "",
) -> int:
    """Make bots here, without a cluster: posts in; weights, samples and a model card out.

    The same command again goes on where it stopped. Exit code 0: all bots are published. Of a single bot
    that failed it is the pipeline's own (65: too few posts), of several 1.
    """
    overrides = options.settings(set_ or [])
    overrides |= {"base_model": base_model} if base_model else {}
    overrides |= {"skip_bad": True} if skip_bad else {}
    asked = selection.asked(file, groups or [], posts or [], overrides, batch)
    opened = open_store(options.store_address(store, asked.store))
    asked = basebots.pinned(asked, opened)
    costs.tell(asked, opened, max_cost)
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


def _make(batch: Batch, group: Group, store: Store) -> int:
    """One bot; returns the exit code of its run."""
    files = {}
    try:
        for handle in group.handles:
            if path := group.posts.get(handle.lower()):
                files[handle.lower()] = postsfiles.keep(store, path, handle, skip_bad=group.settings.skip_bad)
    except ConfigError as error:  # this bot's posts, so no reason to leave out the others
        output.error(str(error))
        return error.exit_code
    code = process.run_pipeline(batch.run_config(group, store.address, files))
    if code == 0:
        summary.show(store, group.bot)
    return code
