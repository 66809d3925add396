"""`htctl scrape`: accounts' posts into the store, without training."""

from collections.abc import Iterator, Mapping
from typing import Annotated

import typer

from htctl import costs, options, output, process, selection
from htctl.batch import Batch
from htctl.commands.bots import all_bots
from htctl.costs import Asked
from pipeline import marks
from pipeline.accounts import Account, Prices
from pipeline.errors import ConfigError
from pipeline.store import Store, open_store

COLUMNS = ("HANDLE", "SOURCE", "POSTS", "STATE", "ASKED", "SPENT")


def scrape(
    groups: options.HandlesArgument = None,
    file: options.FileOption = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask for posts that are newer than those in the store, too.")
    ] = False,
    anew: Annotated[
        bool,
        typer.Option("--anew", help="Ask for all posts once more; those that are not there any more leave the store."),
    ] = False,
    max_cost: options.MaxCostOption = None,
    set_: options.SetOption = None,
    store: options.StoreOption = "",
    format_: options.OutputOption = "",
) -> int:
    """Fetch accounts' posts into the store without training, so that no GPU waits for them.

    Of handles X is asked, with X_BEARER_TOKEN; others say where they are (bluesky:a.bsky.social, mastodon:a@b.c).
    What is in the store is not asked for again. The same command goes on where it stopped. Exit code 0: all are
    there; of one account the pipeline's own (66: not there, 69: refused, 75: later, 77: token), of several 1.
    """
    as_json = options.wants_json(format_)
    overrides = options.settings(set_ or [])
    if not file:
        overrides.setdefault("source", "x")
    asked = selection.asked(file, groups or [], [], overrides, "")
    wanted = costs.asked(asked)
    if not wanted:
        raise ConfigError("all posts of this batch are given as files; there is nobody to ask (source: x asks X)")
    opened = open_store(options.store_address(store, asked.store))
    costs.tell(asked, opened, max_cost, anew=anew)
    how = [*(["--refresh"] if refresh else []), *(["--anew"] if anew else [])]
    how += [] if max_cost is None else ["--max-cost", str(max_cost)]
    codes = [_fetch(asked, opened, source, how) for source in dict.fromkeys(each.source for each in wanted)]
    found = costs.known(opened, wanted)
    if as_json:
        output.data([_fields(each, account) for each, account in found.items()])
    else:
        output.table(COLUMNS, [_row(each, account) for each, account in found.items()])
    for line in _taken_back(opened, found):
        output.note(line)
    worst = max(codes)
    return worst if len(wanted) == 1 else int(bool(worst))


def _fetch(batch: Batch, store: Store, source: str, how: list[str]) -> int:
    """The accounts of one source, in a process that loads its library."""
    settings = batch.groups[0].settings
    wanted = [each for each in costs.asked(batch) if each.source == source]
    handles = [each.handle for each in wanted]
    arguments = ["--source", source, "--store", store.address, *_prices(wanted[0].prices)]
    arguments += ["--lease-seconds", str(settings.limits.lease_seconds), "--posts", str(wanted[0].posts)]
    return process.scrape([*arguments, *how, "--", *handles])


def _taken_back(store: Store, found: Mapping[Asked, Account | None]) -> Iterator[str]:
    """Which bots are marked for posts of these accounts that were taken back."""
    taken = {each.handle for each, account in found.items() if account and account.taken}
    for bot in all_bots(store) if taken else []:
        for handle, why in marks.of(bot).items():
            if handle in taken:
                yield f"bot {bot['bot']} was made with posts of @{handle} that were taken back ({why}), and is marked"


def _prices(prices: Prices) -> list[str]:
    return ["--post-price", str(prices.post), "--account-price", str(prices.account)]


def _fields(each: Asked, account: Account | None) -> dict[str, object]:
    found = {"handle": each.handle, "source": each.source, "posts": 0, "complete": False, "requests": 0, "spent": 0.0}
    if account:
        found |= {"posts": account.posts, "complete": account.complete, "requests": account.requests}
        found |= {
            "spent": account.spent,
            "gone": account.gone,
            "updated": account.updated,
            "profile": account.profile._asdict(),
        }
    return found


def _row(each: Asked, account: Account | None) -> tuple[str, ...]:
    if account is None:
        return f"@{each.handle}", each.source, "0", "not there", "0", "-"
    state = "gone" if account.gone else "whole" if account.complete else "a part"
    spent = output.dollars(account.spent) if account.spent else "-"
    return f"@{each.handle}", each.source, f"{account.posts:,}", state, str(account.requests), spent
