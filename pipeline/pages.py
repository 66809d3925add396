"""An account's answers in the store: kept as they came, and read back as posts."""

import gzip
import zlib
from collections.abc import Iterable, Iterator

from pipeline.accounts import Account
from pipeline.errors import StoreError
from pipeline.layout import AccountKeys
from pipeline.posts import Post
from pipeline.sources.network import Source
from pipeline.store import ABSENT, Store


def packed(body: bytes) -> bytes:
    """An answer as it is kept: the same answer is the same bytes."""
    return gzip.compress(body, mtime=0)


def kept(store: Store, key: str) -> bytes | None:
    """An answer that the store has, as it came."""
    found = store.read(key)
    try:
        return gzip.decompress(found.data) if found else None
    except (OSError, EOFError, zlib.error) as error:
        raise StoreError(f"{store.place(key)}: broken gzip: {error}; delete it, and it is fetched again") from None


def keep(store: Store, key: str, body: bytes) -> bytes:
    """Keep an answer; what counts is the first one that was kept, by whoever asked the same and was overtaken."""
    if store.swap(key, packed(body), ABSENT):
        return body
    return kept(store, key) or body


def posts(source: Source, handle: str, store: Store, account: Account) -> Iterator[Post]:
    """Every post of the account's pages, newest first; asks nothing. One that two pages have comes twice."""
    keys = AccountKeys(source.name, handle)
    for number in account.newest_first():
        body = kept(store, keys.page(number))
        if body is None:
            place = store.place(keys.page(number))
            raise StoreError(f"{place} is missing; have all asked for again: htctl scrape --anew {handle}")
        yield from source.read_page(body).posts


def numbered(source: Source, handle: str, store: Store, numbers: Iterable[int]) -> Iterator[Post]:
    """Every post of the pages with these numbers, those apart that are not there."""
    keys = AccountKeys(source.name, handle)
    for number in numbers:
        body = kept(store, keys.page(number))
        yield from source.read_page(body).posts if body else ()


def newest_ids(source: Source, handle: str, store: Store, account: Account) -> frozenset[str]:
    """The ids of some of the newest posts: where they come again, all that follows is there."""
    keys = AccountKeys(source.name, handle)
    for number in account.newest_first():
        body = kept(store, keys.page(number))
        ids = frozenset(post.id for post in source.read_page(body).posts if post.id) if body else frozenset()
        if ids:
            return ids
    return frozenset()
