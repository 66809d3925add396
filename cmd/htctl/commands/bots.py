"""`htctl bots`: what the store holds."""

from typing import Any

from htctl import options, output, published
from pipeline import layout
from pipeline.store import Store, open_store

COLUMNS = ("BOT", "HANDLES", "BASE MODEL", "BITS/BYTE", "PUBLISHED", "RUN")


def bots(store: options.StoreOption = "", format_: options.OutputOption = "") -> int:
    """List the published bots."""
    as_json = options.wants_json(format_)
    opened = open_store(options.store_address(store))
    found = all_bots(opened)
    if as_json:
        output.data(found)
    elif found:
        output.table(COLUMNS, map(_row, found))
    else:
        output.note(f"no bots in {opened.address} yet; htctl run makes one (another store: --store or HTCTL_STORE)")
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


def _row(bot: dict[str, Any]) -> tuple[str, ...]:
    handles = " ".join(f"@{handle}" for handle in bot["handles"])
    return (
        bot["bot"],
        handles,
        bot["base_model"],
        f"{bot['bits_per_byte']:.3f}",
        bot["published"],
        bot["run"],
    )
