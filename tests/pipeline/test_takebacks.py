import pytest

from pipeline import accounts, fetching, pages, takebacks
from pipeline.accounts import Account, Profile, Sweep
from pipeline.errors import AccountError, StoreError
from pipeline.layout import AccountKeys
from pipeline.progress import Report
from pipeline.sources.bluesky import Bluesky
from pipeline.sources.mastodon import Mastodon
from pipeline.store.folder import FolderStore
from pipeline.terms import Terms
from tests import blueskyserver, mastodonserver, socialserver
from tests.blueskyserver import BlueskyServer
from tests.mastodonserver import MastodonServer

KEYS = AccountKeys("x", "alice")
PROFILE = Profile("7", "alice", "Alice", "", "", "", False, 250, None)


def test_posts_go_and_the_reason_stays(store: FolderStore) -> None:
    for number in range(3):
        store.write(KEYS.page(number), b"x")
    account = Account(PROFILE, (Sweep(pages=2, complete=True), Sweep(pages=1)), spent=1.5)
    takebacks.removed(store, KEYS, account, "gone")
    found = accounts.read(store, "x", "alice")
    assert found is not None
    assert (found.gone, found.pages, found.next_page, found.complete, found.spent) == ("gone", 0, 3, False, 1.5)
    assert [entry.key for entry in store.list("")] == [KEYS.index]


def test_a_kill_in_between_is_made_good(store: FolderStore) -> None:
    class Killed(FolderStore):
        def delete(self, key: str) -> None:
            if key.endswith("1.json.gz"):
                raise StoreError("killed")
            super().delete(key)

    for number in range(3):
        store.write(KEYS.page(number), b"x")
    with pytest.raises(StoreError):
        takebacks.removed(Killed(store.root), KEYS, Account(PROFILE, (Sweep(pages=3, complete=True),)), "gone")
    found = accounts.read(store, "x", "alice")
    assert found is not None
    assert (found.pages, found.complete) == (0, False)  # none counts any more
    takebacks.cleared(store, KEYS, found)
    assert [entry.key for entry in store.list("")] == [KEYS.index]


def test_nothing_to_do_is_not_written(store: FolderStore) -> None:
    account = Account(PROFILE, (Sweep(pages=1, complete=True),))
    assert takebacks.cleared(store, KEYS, account) is account
    assert list(store.list("")) == []


def test_a_suspended_account_of_mastodon_whose_timeline_is_only_empty_is_noticed(store: FolderStore) -> None:
    with socialserver.running(MastodonServer()) as server:
        server.account("alice", mastodonserver.statuses(50))
        source = Mastodon(server.url)
        assert fetching.fetch(source, "alice@social.example", store, Terms(), Report()).posts == 50
        server.accounts["alice"]["suspended"] = True
        with pytest.raises(AccountError, match="is suspended by its server"):
            fetching.fetch(source, "alice@social.example", store, Terms(refresh=True), Report())
    found = accounts.read(store, "mastodon", "alice@social.example")
    assert found is not None
    assert (found.pages, found.taken, found.gone[:21]) == (0, 50, "@alice@social.example")


def test_who_wants_to_be_seen_by_nobody_without_a_login_any_more_is_noticed(store: FolderStore) -> None:
    with socialserver.running(BlueskyServer()) as server:
        did = server.account("alice.example", blueskyserver.feed(30))
        source = Bluesky(server.url)
        assert fetching.fetch(source, "alice.example", store, Terms(), Report()).posts == 30
        server.profiles[did]["labels"] = [{"val": "!no-unauthenticated"}]
        with pytest.raises(AccountError, match="only by who is logged in"):
            fetching.fetch(source, "alice.example", store, Terms(refresh=True), Report())
    assert list(store.list("posts/bluesky/alice.example/pages/")) == []


def test_posts_that_bluesky_or_mastodon_no_longer_have_are_counted(store: FolderStore) -> None:
    with socialserver.running(BlueskyServer()) as bluesky, socialserver.running(MastodonServer()) as mastodon:
        feed, statuses = blueskyserver.feed(130), mastodonserver.statuses(90)
        did, number = bluesky.account("alice.example", feed), mastodon.account("alice", statuses)
        for source, handle in (
            (Bluesky(bluesky.url), "alice.example"),
            (Mastodon(mastodon.url), "alice@social.example"),
        ):
            fetching.fetch(source, handle, store, Terms(), Report())
        bluesky.feeds[did], mastodon.statuses[number] = feed[:-4], statuses[2:]
        for source, handle, lost in (
            (Bluesky(bluesky.url), "alice.example", 4),  # the oldest, too: it gives all
            (Mastodon(mastodon.url), "alice@social.example", 2),
        ):
            found = fetching.fetch(source, handle, store, Terms(anew=True), Report())
            assert found.taken == lost


def test_a_refresh_of_bluesky_counts_no_post_twice(store: FolderStore) -> None:
    with socialserver.running(BlueskyServer()) as server:
        did = server.account("alice.example", blueskyserver.feed(130))
        source = Bluesky(server.url)
        fetching.fetch(source, "alice.example", store, Terms(), Report())
        server.feeds[did] = blueskyserver.feed(137)
        found = fetching.fetch(source, "alice.example", store, Terms(refresh=True), Report())
    assert found.posts == 137
    assert len({post.id for post in pages.posts(source, "alice.example", store, found)}) == 137
