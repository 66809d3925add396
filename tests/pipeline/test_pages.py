import gzip

import pytest

from pipeline import pages
from pipeline.accounts import Account, Profile, Sweep
from pipeline.errors import StoreError
from pipeline.sources.x import X
from pipeline.store.folder import FolderStore

PROFILE = Profile("7", "alice", "Alice", "", "", "", False, 250, None)
WHOLE = Account(PROFILE, (Sweep(pages=2, complete=True),))


def test_the_first_answer_that_was_kept_counts(store: FolderStore) -> None:
    assert pages.keep(store, "a", b"first") == b"first"
    assert pages.keep(store, "a", b"second") == b"first"
    assert pages.kept(store, "a") == b"first"
    assert pages.kept(store, "b") is None


def test_the_same_answer_is_the_same_bytes() -> None:
    assert pages.packed(b"a") == pages.packed(b"a")
    assert gzip.decompress(pages.packed(b"a")) == b"a"


def test_a_broken_page_is_told_with_its_place(store: FolderStore) -> None:
    store.write("a", pages.packed(b"a" * 1000)[:-5])
    with pytest.raises(StoreError, match=r"a: broken gzip: .*; delete it, and it is fetched again"):
        pages.kept(store, "a")


def test_posts_in_order_and_a_page_that_is_missing(store: FolderStore) -> None:
    store.write("posts/x/alice/pages/000000.json.gz", pages.packed(b'{"data": [{"id": "1", "text": "a"}]}'))
    with pytest.raises(StoreError, match=r"000001.json.gz is missing; have all asked for again: htctl scrape --anew a"):
        list(pages.posts(X(""), "alice", store, WHOLE))


def test_the_newest_ids_are_of_the_first_page_that_has_any(store: FolderStore) -> None:
    assert pages.newest_ids(X(""), "alice", store, WHOLE) == frozenset()
    store.write("posts/x/alice/pages/000000.json.gz", pages.packed(b'{"data": [], "meta": {}}'))
    store.write("posts/x/alice/pages/000001.json.gz", pages.packed(b'{"data": [{"id": "1", "text": "a"}]}'))
    assert pages.newest_ids(X(""), "alice", store, WHOLE) == frozenset("1")
