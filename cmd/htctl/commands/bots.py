"""`htctl bots`: what the store holds."""

from typing import Annotated, Any

import typer

from htctl import costs, inventory, options, output, spending
from pipeline import layout, marks, published
from pipeline.store import Store

COLUMNS = ("BOT", "HANDLES", "BASE MODEL", "BITS/BYTE", "PUBLISHED", "RUN")
SPENT = ("X'S POSTS", "SPENT")
SIZE = ("SIZE", "A MONTH")


def bots(
    size: Annotated[
        bool, typer.Option("--size", help="How much each bot and the whole store hold (lists every object once).")
    ] = False,
    price: options.PriceOption = None,
    store: options.StoreOption = "",
    format_: Annotated[str, typer.Option("-o", "--output", help="wide, or json for programs.")] = "",
) -> int:
    """List the published bots.

    -o wide and json also tell what X's posts have cost.
    """
    wide = format_ == "wide"
    as_json = options.wants_json("" if wide else format_)
    opened = options.existing_store(store)
    found = all_bots(opened)
    if wide or as_json:
        _add_spent(opened, found)
    if size:
        return _sizes(opened, found, options.price(price, opened), as_json)
    if as_json:
        output.data(found)
    elif found:
        output.table((*COLUMNS, *SPENT) if wide else COLUMNS, map(_row, found))
        _say_marked(found)
    else:
        _say_none(opened)
    return 0


def _add_spent(store: Store, found: list[dict[str, Any]]) -> None:
    """To each bot the posts that X was asked for, and what its accounts have cost."""
    known = spending.read(store, [(bot["bot"], bot["run"]) for bot in found])
    for bot in found:
        spent = known.of(bot["bot"], bot["run"])
        bot |= {"x_posts": spent.posts, "spent": round(spent.dollars, 2)}


def _say_marked(found: list[dict[str, Any]]) -> None:
    for bot in found:
        if taken := marks.say(bot):
            output.note(
                f"{bot['bot']} was made with posts that were taken back since: {taken}; make it anew, or retire it"
            )


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
    asked, spent = costs.spent(store)
    if as_json:
        output.data(
            {"bots": sized, "store": inventory.as_json(totals, price), "x": {"accounts": asked, "spent": spent}}
        )
        return 0
    if sized:
        columns = (*COLUMNS, *SIZE) if price is not None else (*COLUMNS, SIZE[0])
        columns = (*columns, *SPENT) if "spent" in sized[0] else columns
        output.table(columns, map(_row, sized))
        _say_marked(found)
    else:
        _say_none(store)
    output.note(inventory.summary(totals, price))
    if asked:
        output.note(
            f"posts of {asked:,} account{'' if asked == 1 else 's'} from X, {output.dollars(spent)} spent on them"
        )
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
        *([f"{bot['x_posts']:,}", output.dollars(bot["spent"])] if "spent" in bot else []),
    )
