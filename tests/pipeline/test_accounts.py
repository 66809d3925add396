from typing import Any

from pipeline import accounts
from pipeline.accounts import Account, Prices, Profile, Sweep
from pipeline.settings import Scrape
from pipeline.store.folder import FolderStore

PROFILE = Profile("7", "Alice", "Alice ✨", "a\nb", "https://x/a_normal.jpg", "2009-06-02T20:12:29Z", False, 250, None)


def account(*sweeps: Sweep, **changes: Any) -> Account:
    return Account(PROFILE, sweeps or (Sweep(),), **changes)


def test_the_index_says_what_it_was_told() -> None:
    sweep = Sweep().with_page(["9", "8"], "t1 8", 3200)
    made = account().with_sweep(sweep, "2026-01-01T00:00:00.000Z", 0.01)
    assert Account.parse(made.to_bytes()) == made
    assert (made.requests, made.spent, made.pages, made.posts, made.newest) == (1, 0.01, 1, 2, "9")
    assert not made.complete


def test_money_adds_up_without_a_trace_of_binary_fractions() -> None:
    made = account()
    for _ in range(32):
        made = made.with_sweep(made.sweeps[-1].with_page(["1"], "c", None), "", 0.1)
    assert made.spent == 3.2


def test_later_sweeps_come_first_and_pages_in_their_order() -> None:
    made = account(Sweep(pages=3, complete=True), Sweep(pages=0, complete=True), Sweep(pages=2, complete=True))
    assert list(made.newest_first()) == [3, 4, 0, 1, 2]


def test_a_sweep_under_way_does_not_count_yet() -> None:
    made = account(Sweep(pages=3, complete=True), Sweep(pages=2))
    assert (made.whole, made.complete, list(made.newest_first())) == (1, True, [0, 1, 2])
    assert (account(Sweep(pages=3)).whole, account(Sweep(pages=3)).complete) == (0, False)
    assert list(account(Sweep(pages=3)).newest_first()) == []


def test_a_sweep_anew_takes_the_place_of_the_others_when_it_is_whole() -> None:
    others = (Sweep(pages=3, complete=True), Sweep(pages=1, complete=True))
    under_way = account(*others, Sweep(anew=True, pages=2))
    assert under_way.settled() == under_way
    made = account(*others, Sweep(anew=True, pages=2, complete=True)).settled()
    assert (made.ended, made.first, made.next_page, list(made.newest_first())) == (3, 4, 6, [4, 5])
    assert made.settled() == made
    again = made.without_posts("gone", "")
    assert (again.dropped, again.next_page, again.complete, again.gone) == (3, 6, False, "gone")


def test_the_newest_is_that_of_the_last_sweep_that_had_any() -> None:
    assert account(Sweep(newest="5"), Sweep(newest="9"), Sweep()).newest == "9"
    assert account(Sweep(newest="5"), Sweep(newest="9")).begun_newer().sweeps[-1] == Sweep(newer_than="9")


def test_a_sweep_ends_without_a_cursor_or_where_all_is_known() -> None:
    assert Sweep().with_page([], "", None).complete
    assert not Sweep().with_page([], "c", None).complete
    assert Sweep().with_page(["3", "2"], "c", None, frozenset("21")).complete
    assert not Sweep().with_page(["4", "3"], "c", None, frozenset("21")).complete


def test_a_cursor_that_any_page_gave_before_ends_it() -> None:
    sweep = Sweep().with_page(["1"], "a", None).with_page(["2"], "b", None)
    assert not sweep.complete
    again = sweep.with_page(["3"], "a", None)
    assert (again.complete, again.cut) == (True, "the source gave the same cursor twice")


def test_the_cursor_of_the_last_page_with_posts_is_kept() -> None:
    assert Sweep().with_page(["1"], "a", None).with_page([], "b", None).spare == "a"


def test_only_x_takes_money() -> None:
    assert accounts.prices("x", Scrape(0.1, 0.2)) == Prices(0.1, 0.2)
    assert accounts.prices("bluesky", Scrape(0.1, 0.2)) == accounts.FREE


def test_what_the_store_has(store: FolderStore) -> None:
    assert accounts.read(store, "x", "Alice") is None
    store.write("posts/x/alice/index.json", account().to_bytes())
    assert accounts.read(store, "x", "Alice") == account()


def test_what_was_paid_is_said_where_anything_was() -> None:
    assert accounts.paid(account(spent=16.01)) == ", $16.01 spent on it in all"
    assert accounts.paid(account()) == ""
