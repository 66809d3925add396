"""`htctl status`: where every group of a batch is."""

import time
from typing import Annotated

import typer

from htctl import following, options, output, overview, spending, statusview
from htctl.overview import Asked, Overview
from htctl.spending import Spending, Spent
from k8s.states import GroupState, Phase
from pipeline.errors import ConfigError, StoreError

FORMATS = ("", "wide", "json", "yaml")

GroupsArgument = Annotated[
    list[str] | None, typer.Argument(help="Only these: a bot's id, or its handles joined by +.", show_default=False)
]


def status(
    groups: GroupsArgument = None,
    file: options.FileOption = None,
    batch: options.BatchOption = "",
    state: Annotated[
        list[str] | None, typer.Option(help="Only these: failed, running, ...", show_default=False)
    ] = None,
    handle: Annotated[str, typer.Option(help="Only the groups that have this handle.")] = "",
    every: Annotated[bool, typer.Option("--all", help="All rows, however many.")] = False,
    watch: Annotated[bool, typer.Option("-w", "--watch", help="Follow what changes, until Ctrl-C.")] = False,
    store: options.StoreOption = "",
    namespace: options.NamespaceOption = "",
    context: options.ContextOption = "",
    format_: Annotated[str, typer.Option("-o", "--output", help="wide, json or yaml.")] = "",
) -> int:
    """Show where each group of a batch is, and why: what the cluster has, and what the store says came of it.

    Without -f or --batch: all of htctl's Jobs in the namespace. Exit code 1: some group failed.
    """
    if format_ not in FORMATS:
        raise ConfigError(f"-o {format_}: must be wide, json or yaml")
    phases = [_phase(text) for text in state or ()]
    asked = Asked(file, batch, groups or (), handle, store, namespace, context)
    found = overview.take(asked, deep=format_ in ("wide", "json", "yaml"))
    if watch:
        return following.follow(found, following.Patience(), to_the_end=False)
    states = [each for each in found.states() if not phases or each.phase in phases]
    spent = _spent(found, deep=format_ != "")
    if format_ in ("json", "yaml"):
        _for_programs(found, states, format_, spent)
    else:
        _for_people(found, states, spent, wide=format_ == "wide", every=every or bool(phases))
    return int(any(each.phase == Phase.FAILED for each in found.states()))


def _phase(text: str) -> Phase:
    try:
        return Phase(text)
    except ValueError:
        raise ConfigError(f"--state {text}: must be one of {', '.join(Phase)}") from None


def _spent(found: Overview, *, deep: bool) -> Spending:
    """What X's posts have cost; nobody is asked where it is not shown."""
    try:
        return spending.read(found.store, [(each.group.bot, each.group.run) for each in found.states()] if deep else [])
    except StoreError as error:
        output.note(f"{error}; what was spent is not known")
        return Spending({}, Spent())


def _for_programs(found: Overview, states: list[GroupState], format_: str, spent: Spending) -> None:
    told = statusview.as_json(found.batch.name, found.namespace, states) | {"x": spent.as_json()}
    for group in told["groups"]:
        of_group = spent.of(group["bot"], group["run"])
        group |= {"x_posts": of_group.posts, "spent": round(of_group.dollars, 2)}
    if format_ == "json":
        output.data(told)
        return
    from htctl import yamltext  # PyYAML is loaded only by who writes YAML

    output.line(yamltext.documents([told]).rstrip())


def _for_people(found: Overview, states: list[GroupState], spent: Spending, *, wide: bool, every: bool) -> None:
    """Totals first; in a pipe, whose lines are for grep, on stderr and with every row."""
    now, terminal = time.time(), output.is_terminal()
    say = output.line if terminal else output.note
    say(statusview.totals(found.name, found.states(), now, spent.total.cell))
    shown = statusview.choose(states, output.height() if terminal and not every else len(states))
    columns: tuple[str, ...] = (*statusview.COLUMNS, *statusview.WIDE) if wide else statusview.COLUMNS
    rows = [
        statusview.row(each, now, wide, spent.of(each.group.bot, each.group.run).cell if wide else "")
        for each in shown.rows
    ]
    if terminal and not wide:
        columns, rows = statusview.narrow(rows)
    if not found.batch.name:
        columns, rows = statusview.by_batch(columns, rows, shown.rows)
    output.table(columns, rows)
    if shown.hidden:
        say(shown.hidden)
