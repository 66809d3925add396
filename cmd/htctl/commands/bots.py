"""`htctl bots`: what the store holds."""

from typing import Annotated, Any

import typer

from htctl import inventory, options, output, published
from pipeline import layout
from pipeline.store import Store, open_store

COLUMNS = ("BOT", "HANDLES", "BASE MODEL", "BITS/BYTE", "PUBLISHED", "RUN")
SIZE = ("SIZE", "A MONTH")


def bots(
    size: Annotated[
        bool, typer.Option("--size", help="How much each bot and the whole store hold (lists every object once).")
    ] = False,
    price: options.PriceOption = None,
    store: options.StoreOption = "",
    format_: options.OutputOption = "",
) -> int:
    """List the published bots."""
    as_json = options.wants_json(format_)
    opened = open_store(options.store_address(store))
    found = all_bots(opened)
    if size:
        return _sizes(opened, found, options.price(price, opened), as_json)
    if as_json:
        output.data(found)
    elif found:
        output.table(COLUMNS, map(_row, found))
    else:
        _say_none(opened)
    return 0


def all_bots(store: Store) -> list[dict[str, Any]]:
    """Every bot that has a current run, by id: what its pointer says, `bot` and `model` (where it lies)."""
    found = []
    for bot in store.folders(layout.bots()):
        about = published.pointer(store, bot)
        if about:
            model = store.place(layout.RunKeys(bot, about["run"]).model("")).rstrip("/")
            found.append({"bot": bot, **about, "model": model})
    return found


def _sizes(store: Store, found: list[dict[str, Any]], price: float | None, as_json: bool) -> int:
    """The same list with each bot's size, all its runs counted, and the store's totals."""
    counted = inventory.count(store.list(""))
    sized = []
    for bot in found:
        held = counted.bot(bot["bot"])
        sized.append({**bot, "bytes": held, "dollars_a_month": inventory.a_month(held, price)})
    totals = counted.totals()
    if as_json:
        output.data({"bots": sized, "store": inventory.as_json(totals, price)})
        return 0
    if sized:
        columns = (*COLUMNS, *SIZE) if price is not None else (*COLUMNS, SIZE[0])
        output.table(columns, map(_row, sized))
    else:
        _say_none(store)
    output.note(inventory.summary(totals, price))
    return 0


def _say_none(store: Store) -> None:
    output.note(f"no bots in {store.address} yet; htctl run makes one (another store: --store or HTCTL_STORE)")


def _row(bot: dict[str, Any]) -> tuple[str, ...]:
    handles = " ".join(f"@{handle}" for handle in bot["handles"])
    size = [output.size(bot["bytes"])] if "bytes" in bot else []
    cost = [output.dollars(bot["dollars_a_month"])] if bot.get("dollars_a_month") is not None else []
    return (
        bot["bot"],
        handles,
        bot["base_model"],
        "-" if bot["bits_per_byte"] is None else f"{bot['bits_per_byte']:.3f}",
        bot["published"],
        bot["run"],
        *size,
        *cost,
    )
