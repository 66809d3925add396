"""`htctl gc`: old runs and left checkpoints out of the store, by rule."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from htctl import inventory, options, output, removal, retention, runs
from htctl.inventory import Inventory
from htctl.retention import CHECKPOINTS, POSTS, RUN, Going, Rule
from pipeline import layout
from pipeline.layout import RunKeys
from pipeline.store import Store

REMOVE = {RUN: removal.remove_run, CHECKPOINTS: removal.remove_checkpoints}
COLUMNS = ("BOT", "RUN", "WHAT", "SIZE", "WHY")


def gc(
    keep: Annotated[int, typer.Option(help="Runs of each bot that stay, the current one among them.", min=1)] = 2,
    unfinished_days: Annotated[
        float,
        typer.Option(help="A run that is not finished stays for so long after it was last at work.", min=0, max=36500),
    ] = 7,
    posts: Annotated[
        bool,
        typer.Option(
            "--posts",
            help="Also posts given as files that no run names any more. Not while an 'htctl run' is starting: one that "
            "has put its posts into the store and has not begun would fail once (run it again).",
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Delete without asking; needed where nobody can be asked.")
    ] = False,
    price: options.PriceOption = None,
    store: options.StoreOption = "",
    format_: options.OutputOption = "",
) -> int:
    """Delete old runs and left checkpoints from the store; shows them first, and asks.

    Of each bot stay the current run and the newest others, and whatever somebody works on. The size of the
    store is that before anything is deleted.
    """
    as_json = options.wants_json(format_)
    opened = options.existing_store(store)
    held = inventory.count(opened.list(""))
    going = _going(opened, held, Rule(keep, unfinished_days), posts)
    cost = options.price(price, opened)
    if not as_json:
        _show(opened, held, going, cost)
    deletes = bool(going) and (yes or (not as_json and output.ask("delete these?")))
    stayed = _delete(opened, going) if deletes else None
    if as_json:
        output.data(_as_json(held, going, stayed, cost))
    elif going and stayed is None:
        output.note("nothing was deleted; --yes deletes")
    return 0


def _going(store: Store, held: Inventory, rule: Rule, posts: bool) -> list[Going]:
    """What the rule names, and the posts that nobody names once that is gone."""
    now = datetime.now(UTC)
    found, problems = runs.read(store, held)
    for problem in problems:
        output.note(f"warning: {problem}")
    going = retention.going(found, rule, now)
    if posts:
        named = runs.named_posts(store, held, {(gone.bot, gone.run) for gone in going if gone.what == RUN})
        unnamed = sorted(set(held.files) - named)
        going += [Going(POSTS, "", sha256, held.files[sha256], "no run names it") for sha256 in unnamed]
    return going


def _show(store: Store, held: Inventory, going: list[Going], price: float | None) -> None:
    if going:
        output.table(COLUMNS, [(gone.bot, gone.run, gone.what, output.size(gone.bytes), gone.why) for gone in going])
    size = sum(gone.bytes for gone in going)
    cost = inventory.a_month(size, price)
    costs = f", {output.dollars(cost)} a month" if cost else ""
    what = f"to delete: {output.size(size)}{costs}" if going else "nothing to delete"
    output.note(f"{what}; {store.address} holds {inventory.summary(held.totals(), price)}")


def _delete(store: Store, going: list[Going]) -> dict[Going, str]:
    """Delete what goes; returns what stayed after all, and why."""
    stayed = {}
    named: set[str] | None = None
    for gone in going:
        if gone.what == POSTS:
            if named is None:  # once more: runs may have begun since the list was made
                named = runs.named_posts(store, inventory.count(store.list(layout.bots())), set())
            why = removal.remove_posts(store, gone.run) if gone.run not in named else "a run names it now"
        else:
            why = REMOVE[gone.what](store, RunKeys(gone.bot, gone.run))
        if why:
            stayed[gone] = why
            output.note(f"left alone: {gone.what} {'/'.join(filter(None, (gone.bot, gone.run)))}: {why}")
    size = sum(gone.bytes for gone in going if gone not in stayed)
    output.note(f"deleted {len(going) - len(stayed)} of {len(going)}: {output.size(size)}")
    return stayed


def _as_json(held: Inventory, going: list[Going], stayed: dict[Going, str] | None, price: float | None) -> Any:
    """All of it for programs; `stayed` is None where nothing was deleted."""
    size = sum(gone.bytes for gone in going)
    return {
        "going": [{**gone._asdict(), "deleted": stayed is not None and gone not in stayed} for gone in going],
        "bytes": size,
        "dollars_a_month": inventory.a_month(size, price),
        "store": inventory.as_json(held.totals(), price),
    }
