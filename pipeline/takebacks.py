"""Posts that people took back: bots made with them marked, then out of the store; a kill in between is made good."""

import dataclasses

from pipeline import accounts, marks, pages
from pipeline.accounts import Account
from pipeline.errors import AccountError, HtctlError
from pipeline.layout import AccountKeys
from pipeline.moments import utc
from pipeline.sources.network import PerhapsGoneError, Source, TakenBackError
from pipeline.store import Store


def confirmed(source: Source, handle: str, error: AccountError) -> str:
    """Why an account's posts, which were refused so, are not to be had any more; "" where the look-up says otherwise.

    A source that is out of order may call everybody unknown.
    """
    if isinstance(error, TakenBackError):
        return str(error)
    if isinstance(error, PerhapsGoneError):
        return ""
    try:
        return str(error) if source.read_profile(source.look_up(handle)).protected else ""
    except PerhapsGoneError:
        return ""
    except AccountError as also:
        return str(also)
    except HtctlError:
        return ""


def settled(source: Source, handle: str, store: Store, account: Account) -> Account:
    """The account, a complete sweep for all that there is in the place of those before; what it lacks was deleted."""
    keys = AccountKeys(source.name, handle)
    if lost := _lost(source, handle, store, account):
        marks.mark(store, source.name, handle, f"{lost:,} of its posts were deleted")
    account = account.settled(lost)
    store.write(keys.index, account.to_bytes())
    return cleared(store, keys, account)


def _lost(source: Source, handle: str, store: Store, account: Account) -> int:
    """How many posts of the sweeps before the last are not in it, though it should have them.

    Of a source that gives only the newest, or where no more were wanted, those that are older are nobody's doing.
    """
    last, end = account.sweeps[-1], account.next_page
    begin = end - last.pages
    now = list(pages.numbered(source, handle, store, range(begin, end)))
    partial = source.name in accounts.MOST or last.capped or last.cut
    oldest = min((post.created_at for post in now), default="") if partial else ""
    there = {post.id for post in now}
    before = pages.numbered(source, handle, store, range(account.first, begin))
    return len({post.id for post in before if post.id not in there and post.created_at >= oldest} - {""})


def removed(store: Store, keys: AccountKeys, account: Account, why: str) -> Account:
    """The account without its posts; bots made with them are marked before, so that no kill leaves them unmarked."""
    marks.mark(store, keys.source, keys.handle, why)
    account = account.without_posts(why, utc())
    store.write(keys.index, account.to_bytes())  # first: from now on they count no more
    return cleared(store, keys, account)


def cleared(store: Store, keys: AccountKeys, account: Account) -> Account:
    """The account, its pages that count no more deleted."""
    if account.cleared >= account.first:
        return account
    for number in range(account.cleared, account.first):
        store.delete(keys.page(number))
    account = dataclasses.replace(account, cleared=account.first)
    store.write(keys.index, account.to_bytes())
    return account
