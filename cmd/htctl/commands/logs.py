"""`htctl logs`: what a group's run said, while its Pod is there and afterwards."""

from typing import Annotated

import typer

from htctl import options, output, overview, runlog, statusview
from htctl.overview import Asked, Overview
from k8s.states import OVER, GroupState, Phase
from pipeline import published
from pipeline.errors import ConfigError
from pipeline.layout import RunKeys
from pipeline.store import Store


def logs(
    bot: Annotated[str, typer.Argument(help="A bot's id, or its handles joined by +.", show_default=False)] = "",
    follow: Annotated[bool, typer.Option("-F", "--follow", help="As it comes, until the run is over.")] = False,
    attempt: Annotated[int, typer.Option(help="Only this one of the tries.", min=0, show_default=False)] = 0,
    failed: Annotated[bool, typer.Option("--failed", help="Of all groups that failed.")] = False,
    file: options.FileOption = None,
    batch: options.BatchOption = "",
    store: options.StoreOption = "",
    namespace: options.NamespaceOption = "",
    context: options.ContextOption = "",
) -> int:
    """Show a run's log: from its Pods, and of those that are gone from the store."""
    if bool(bot) == failed:
        raise ConfigError("say whose log: htctl logs BOT, or htctl logs --failed for all that failed")
    if follow and (failed or attempt):
        raise ConfigError("--follow is of one group and all that comes: without --failed and --attempt")
    asked = Asked(file, batch, [bot] if bot else [], "", store, namespace, context)
    try:
        found = overview.take(asked, deep=False)
    except ConfigError:
        if failed or batch or file:
            raise
        return _of_store(options.existing_store(store), bot, attempt)
    if failed:
        return _of_failed(found, attempt)
    state = max(found.states(), key=lambda each: each.created or 0)  # of several batches the newest
    return _follow(found, state) if follow else int(not _show(found, state, attempt))


def _of_failed(found: Overview, attempt: int) -> int:
    failed = [state for state in found.states() if state.phase == Phase.FAILED]
    if not failed:
        output.note("no group has failed")
    for state in statusview.in_order(failed):
        output.line(f"=== {state.group.bot}: {state.detail}")
        _show(found, state, attempt)
    return 0


def _follow(found: Overview, state: GroupState) -> int:
    """What comes from now on; of a run that is over what there is."""
    if found.cluster is None or state.phase in OVER:
        return int(not _show(found, state, 0))
    if state.phase != Phase.RUNNING:
        output.note(f"{state.group.bot} is {state.phase}{f': {state.detail}' if state.detail else ''}")
    for line in runlog.follow(found.cluster, state.group.job):
        output.line(line)
    return 0


def _show(found: Overview, state: GroupState, attempt: int) -> bool:
    """Print a group's log; whether there was any."""
    group = state.group
    kept = runlog.tries(found.store_of(group), RunKeys(group.bot, group.run)) if group.run else []
    pods = list(found.mirror.seen(group.job).pods)
    some = False
    for line in runlog.lines(found.cluster, pods, kept, attempt):
        some = True
        output.line(line)
    if not some:
        which = f"no attempt {attempt}" if attempt else "no log yet"
        output.note(f"{group.bot}: {which}; it is {state.phase}{f': {state.detail}' if state.detail else ''}")
    return some


def _of_store(store: Store, bot: str, attempt: int) -> int:
    """The log of a published bot that was made without a cluster, or long ago."""
    try:
        keys = published.current_run(store, options.existing_bot(store, bot))
    except ConfigError as error:
        raise ConfigError(f"{error}; of a batch elsewhere: -f bots.yaml") from None
    for line in runlog.lines(None, [], runlog.tries(store, keys), attempt):
        output.line(line)
    return 0
