"""What the posts of a batch would cost and have cost: of each account that X is asked for, by what the store has."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from htctl import output
from htctl.batch import Batch
from pipeline import accounts, layout
from pipeline.accounts import FREE, Account, Prices
from pipeline.errors import TooDearError
from pipeline.handles import FILES
from pipeline.store import Store

A_PAGE = 100  # posts, of X
AT_ONCE = 16  # requests to the store


class Asked(NamedTuple):
    """An account that a source is asked for, its prices, and how many posts are wanted (0: all)."""

    source: str
    handle: str  # in lower case
    prices: Prices
    posts: int = 0


class Estimate(NamedTuple):
    """How many accounts there are, which of them are not whole in the store, and what these cost at most."""

    accounts: int
    missing: tuple[str, ...]
    dollars: float


def asked(batch: Batch) -> list[Asked]:
    """Every account of a batch whose posts no file gives, once."""
    found = {
        (source, handle.lower()): group.settings.scrape
        for group in batch.groups
        for handle in group.handles
        if (source := group.source_of(handle)) not in FILES and handle.lower() not in group.posts
    }
    return [
        Asked(source, handle, accounts.prices(source, terms), terms.posts) for (source, handle), terms in found.items()
    ]


def known(store: Store, wanted: Iterable[Asked]) -> dict[Asked, Account | None]:
    """What the store has of each account."""
    wanted = list(wanted)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda each: accounts.read(store, each.source, each.handle), wanted)
        return dict(zip(wanted, found, strict=True))


def estimate(found: Mapping[Asked, Account | None], *, anew: bool = False) -> Estimate:
    """The cost at most, of those accounts that cost anything; `anew`: as if the store had none of their posts."""
    paid = {each: account for each, account in found.items() if any(each.prices)}
    missing = {each: account for each, account in paid.items() if anew or not (account and account.complete)}
    dollars = sum(_at_most(each, account, anew) for each, account in missing.items())
    return Estimate(len(paid), tuple(each.handle for each in missing), round(dollars, 2))


def _at_most(each: Asked, account: Account | None, anew: bool) -> float:
    most = accounts.MOST.get(each.source, 0)
    if each.posts:  # to the page
        most = min(most, -(-each.posts // A_PAGE) * A_PAGE)
    if account is None:
        return each.prices.account + most * each.prices.post
    there = most if account.profile.posts is None else min(most, account.profile.posts)
    return max(there - (0 if anew else account.posts), 0) * each.prices.post


def tell(batch: Batch, store: Store, max_cost: float | None, *, anew: bool = False) -> None:
    """Say what a batch's posts may cost before anything is asked; TooDearError where that is above `max_cost`."""
    wanted = [each for each in asked(batch) if any(each.prices)]
    found = estimate(known(store, wanted), anew=anew) if wanted else None
    if not found or not found.missing:
        return
    there = found.accounts - len(found.missing)
    names = output.some([f"@{handle}" for handle in found.missing])
    line = f"posts of {names} cost up to ${found.dollars:,.2f} at X" + (f"; {there:,} more are kept" if there else "")
    if max_cost is not None and found.dollars > max_cost:
        raise TooDearError(f"{line}; that is above --max-cost {max_cost:g}, so nothing was asked")
    output.note(line)


def spent(store: Store) -> tuple[int, float]:
    """How many of X's accounts the store has, and what all of them cost."""
    handles = list(store.folders(layout.accounts("x")))
    found = known(store, [Asked("x", handle, FREE) for handle in handles])
    return len(handles), sum(account.spent for account in found.values() if account)
