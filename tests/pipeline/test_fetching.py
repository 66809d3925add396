"""An account's posts are asked for once: through kills, limits, refusals, and many who want them at once."""

import collections
import dataclasses
import gzip
import json
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pipeline import accounts, fetching, layout, marks, pages, published, turns
from pipeline.accounts import Prices
from pipeline.errors import AccountError, HtctlError
from pipeline.layout import AccountKeys
from pipeline.progress import Report
from pipeline.sources import jsonl
from pipeline.sources.bluesky import Bluesky
from pipeline.sources.mastodon import Mastodon
from pipeline.sources.network import Page
from pipeline.sources.x import X
from pipeline.store import Store, open_store
from pipeline.terms import Budget, Terms
from tests import blueskyserver, mastodonserver, s3server, scrapekills, scraperace, socialserver, xserver
from tests.blueskyserver import BlueskyServer
from tests.mastodonserver import MastodonServer
from tests.pipeline.sources.asked import FAULTS
from tests.pipeline.sources.test_x import ANSWERS
from tests.socialserver import Answer as Reply
from tests.xserver import Fault, Server, problem

KEYS = AccountKeys("x", "alice")
TERMS = Terms(Prices(0.005, 0.01))
REFRESH = dataclasses.replace(TERMS, refresh=True)


@pytest.fixture
def server() -> Iterator[Server]:
    with xserver.running() as running:
        running.account("alice", xserver.posts(340))
        yield running


def x(server: Server, timeout: float = 30.0) -> X:
    return X(xserver.TOKEN, server.url, lambda _: None, lambda _: None, (timeout, timeout))


def fetch(server: Server, store: Store, terms: Terms = TERMS, handle: str = "alice") -> accounts.Account:
    return fetching.fetch(x(server), handle, store, terms, Report())


def ids(server: Server, store: Store, handle: str = "alice") -> list[str]:
    account = accounts.read(store, "x", handle)
    assert account is not None
    return [post.id for post in pages.posts(X(""), handle, store, account)]


def wanted(server: Server, handle: str = "alice") -> list[str]:
    return [post["id"] for post in server.posts[handle]]


def test_every_answer_is_kept_as_it_came(server: Server, store: Store) -> None:
    account = fetch(server, store)
    assert ids(server, store) == wanted(server)
    assert (account.requests, account.spent, account.posts) == (5, 0.01 + 340 * 0.005, 340)
    assert account.profile.name == "alice ✨"
    page = store.read(KEYS.page(0))
    assert page is not None
    assert b'"result_count": 100' in gzip.decompress(page.data)
    assert page.data[4:8] == bytes(4)  # no time in it: the same answer is the same bytes
    assert store.exists(KEYS.profile)


def test_a_finished_account_is_not_asked_about_again(server: Server, store: Store) -> None:
    fetch(server, store)
    before = len(server.asked)
    again = fetch(server, store, handle="Alice")
    assert (len(server.asked), again.posts) == (before, 340)


def test_an_account_without_posts_is_complete(server: Server, store: Store) -> None:
    server.account("empty", [])
    assert fetch(server, store, handle="empty").posts == 0
    fetch(server, store, handle="empty")
    assert server.count("posts") == 1


@pytest.mark.parametrize(("counted", "warned"), [(340, False), (600, False), (700, True), (10**6, True)])
def test_far_fewer_posts_than_the_profile_counts_are_warned_about(
    server: Server, store: Store, capsys: pytest.CaptureFixture[str], counted: int, warned: bool
) -> None:
    server.users["alice"]["public_metrics"]["tweet_count"] = counted
    fetch(server, store)
    text = f"warning: x gave 340 posts, though @alice's profile counts {counted:,}; to ask anew: htctl scrape --refresh"
    assert (text in capsys.readouterr().err) == warned


def test_an_empty_answer_that_was_none_is_asked_for_anew_by_a_refresh(server: Server, store: Store) -> None:
    server.fault = lambda what, number: Fault(200, {"meta": {}}) if what == "posts" and number == 1 else None
    assert fetch(server, store).posts == 0
    fetch(server, store, REFRESH)
    assert ids(server, store) == wanted(server)


def test_what_cannot_be_read_is_kept_and_not_asked_for_again(server: Server, store: Store) -> None:
    class Blind(X):
        def read_page(self, body: bytes) -> Page:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fetching.fetch(Blind(xserver.TOKEN, server.url), "alice", store, TERMS, Report())
    fetch(server, store)
    assert server.count() == 4


ANEW = dataclasses.replace(TERMS, anew=True)


def test_what_is_asked_for_anew_takes_the_place_of_what_was(server: Server, store: Store) -> None:
    fetch(server, store)
    left = [post for number, post in enumerate(server.posts["alice"]) if number % 3]
    server.posts["alice"] = left
    account = fetch(server, store, ANEW)
    assert ids(server, store) == wanted(server)
    assert [entry.key[-14:] for entry in store.list("posts/x/alice/pages/")] == [f"{n:06}.json.gz" for n in (4, 5, 6)]
    assert account.spent == pytest.approx(0.02 + (340 + len(left)) * 0.005)
    server.posts["alice"] = xserver.posts(20, 2 * 10**18) + left
    fetch(server, store, REFRESH)
    assert ids(server, store) == wanted(server)
    fetch(server, store, ANEW)
    assert ids(server, store) == wanted(server)
    assert len(list(store.list("posts/x/alice/pages/"))) == 3


def test_what_is_asked_for_anew_counts_when_it_is_whole(server: Server, store: Store) -> None:
    fetch(server, store)
    before = wanted(server)
    server.posts["alice"] = server.posts["alice"][::2]
    server.fault = lambda what, number: Fault(402) if what == "posts" and number == 6 else None
    with pytest.raises(HtctlError):
        fetch(server, store, ANEW)
    assert ids(server, store) == before
    asked = server.count()
    fetch(server, store, REFRESH)
    assert ids(server, store) == wanted(server)
    assert server.count() == asked + 2


SUSPENDED = Fault(200, {"errors": [problem("resource-not-found", "User has been suspended: [alice].")]})


def made(store: Store, bot: str, *handles: str, **asked: Any) -> None:
    """A bot that was made with posts of X, unless `asked` says otherwise."""
    store.write(layout.RunKeys(bot, "r-1").config, json.dumps({"asked": {"source": "x", **asked}}).encode())
    store.write(layout.latest(bot), json.dumps({"run": "r-1", "handles": list(handles)}).encode())


def test_posts_of_an_account_that_is_gone_are_removed(
    server: Server, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(server, store)
    made(store, "alice-bob", "Alice", "bob")
    server.fault = lambda what, number: SUSPENDED
    assert fetch(server, store).posts == 340  # nobody asked
    for terms in (REFRESH, TERMS):
        with pytest.raises(AccountError, match="X has suspended @alice"):
            fetch(server, store, terms)
    assert list(store.list("posts/x/alice/pages/")) == []
    assert "its 340 posts are removed from the store: X has suspended @alice" in capsys.readouterr().err
    (why,) = marks.of(published.pointer(store, "alice-bob")).values()
    assert why.startswith("X has suspended @alice")
    server.fault = lambda what, number: None
    assert fetch(server, store, REFRESH).posts == 340
    assert ids(server, store) == wanted(server)


def test_posts_that_were_deleted_since_mark_the_bots_made_with_them(server: Server, store: Store) -> None:
    fetch(server, store)
    made(store, "alice", "alice")
    fetch(server, store, ANEW)  # nothing was deleted
    assert not marks.of(published.pointer(store, "alice"))
    server.posts["alice"] = xserver.posts(5, 2 * 10**18) + server.posts["alice"][:100] + server.posts["alice"][103:]
    account = fetch(server, store, ANEW)
    assert account.taken == 3
    assert marks.of(published.pointer(store, "alice")) == {"alice": "3 of its posts were deleted"}


def test_posts_that_only_fell_off_the_end_were_not_deleted(store: Store) -> None:
    with xserver.running(cap=300) as server:
        server.account("alice", xserver.posts(340))
        fetch(server, store)
        made(store, "alice", "alice")
        server.posts["alice"] = [*xserver.posts(9, 2 * 10**18), *server.posts["alice"]]
        for post in server.posts["alice"][:9]:
            post |= {"created_at": "2024-01-01T00:00:00.000Z", "edit_history_tweet_ids": [post["id"]]}
        assert fetch(server, store, ANEW).taken == 0
        assert not marks.of(published.pointer(store, "alice"))


def test_a_kill_before_the_posts_are_removed_leaves_the_bot_marked(server: Server, store: Store) -> None:
    fetch(server, store)
    made(store, "alice", "alice")
    server.fault = lambda what, number: SUSPENDED
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts.Account, "without_posts", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fetch(server, store, REFRESH)
    assert marks.of(published.pointer(store, "alice"))


def test_posts_of_an_account_that_is_protected_now_are_removed(server: Server, store: Store) -> None:
    fetch(server, store)
    server.users["alice"]["protected"] = True
    refused = Fault(200, {"errors": [problem("not-authorized-for-resource", "no")]})
    server.fault = lambda what, number: refused if what == "posts" else None
    with pytest.raises(AccountError, match="protected"):
        fetch(server, store, ANEW)
    assert list(store.list("posts/x/alice/pages/")) == []


def test_nothing_is_removed_unless_somebody_asked_again(server: Server, store: Store) -> None:
    server.fault = lambda what, number: SUSPENDED if what == "posts" and number > 2 else None
    with pytest.raises(AccountError):
        fetch(server, store)
    server.fault = lambda what, number: SUSPENDED
    with pytest.raises(AccountError):
        fetch(server, store)
    assert len(list(store.list("posts/x/alice/pages/"))) == 2


NOT_FOUND = Fault(404, {"title": "Not Found", "type": "about:blank", "status": 404})


@pytest.mark.parametrize(
    ("of_posts", "of_user"),
    [
        (SUSPENDED, None),
        (SUSPENDED, Fault(402)),
        (SUSPENDED, NOT_FOUND),
        (NOT_FOUND, SUSPENDED),
        (NOT_FOUND, NOT_FOUND),
    ],
)
def test_one_answer_alone_and_what_any_wrong_address_answers_remove_nothing(
    server: Server, store: Store, of_posts: Fault, of_user: Fault | None
) -> None:
    fetch(server, store)
    server.fault = lambda what, number: of_posts if what == "posts" else of_user
    with pytest.raises(HtctlError):
        fetch(server, store, REFRESH)
    assert ids(server, store) == wanted(server)


def test_the_cap_is_the_end(store: Store) -> None:
    with xserver.running(cap=250) as server:
        server.account("alice", xserver.posts(340))
        assert fetch(server, store).posts == 250


def test_a_refresh_asks_for_what_is_newer_alone(server: Server, store: Store) -> None:
    old = server.posts["alice"]
    server.posts["alice"] = old[140:]
    fetch(server, store)
    asked = len(server.asked)
    server.posts["alice"] = old
    account = fetch(server, store, REFRESH)
    look_up, *pages_ = server.asked[asked:]
    assert look_up.what == "user"
    assert {question.query["since_id"] for question in pages_} == {old[140]["id"]}
    assert len(pages_) == 2  # 140 posts
    assert ids(server, store) == wanted(server)
    assert account.spent == pytest.approx(0.02 + 340 * 0.005)
    fetch(server, store, REFRESH)
    assert ids(server, store) == wanted(server)
    assert [question.what for question in server.asked[asked + 3 :]] == ["user", "posts"]


def test_a_refresh_renews_the_profile(server: Server, store: Store) -> None:
    fetch(server, store)
    server.users["alice"] |= {"name": "Alice of today", "public_metrics": {"tweet_count": 1, "followers_count": 8}}
    assert fetch(server, store).profile.name == "alice ✨"
    account = fetch(server, store, REFRESH)
    assert (account.profile.name, account.profile.followers) == ("Alice of today", 8)
    kept = pages.kept(store, KEYS.profile)
    assert kept is not None
    assert b"Alice of today" in kept


def test_where_the_look_up_is_refused_the_posts_decide(
    server: Server, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    old = server.posts["alice"]
    server.posts["alice"] = old[40:]
    fetch(server, store)
    server.posts["alice"] = old
    unknown = Fault(200, {"errors": [problem("resource-not-found", "no such user")]})
    server.fault = lambda what, number: unknown if what == "user" else None
    account = fetch(server, store, REFRESH)
    assert ids(server, store) == wanted(server)
    assert account.profile.name == "alice ✨"
    assert "warning: its profile stays as it was: X knows no @alice" in capsys.readouterr().err


def test_a_refresh_of_what_is_not_finished_finishes_it_first(server: Server, store: Store) -> None:
    server.fault = lambda what, number: Fault(402) if what == "posts" and number == 3 else None
    with pytest.raises(HtctlError):
        fetch(server, store)
    fetch(server, store, REFRESH)
    assert ids(server, store) == wanted(server)


def test_a_refresh_that_failed_takes_nothing_away(server: Server, store: Store) -> None:
    old = server.posts["alice"]
    server.posts["alice"] = old[150:]
    fetch(server, store)
    server.posts["alice"] = old
    server.fault = lambda what, number: Fault(402) if what == "posts" and number == 4 else None
    with pytest.raises(HtctlError):
        fetch(server, store, REFRESH)
    asked = len(server.asked)
    assert fetch(server, store).complete  # as it was before the refresh
    assert ids(server, store) == wanted(server)[150:]
    assert len(server.asked) == asked
    fetch(server, store, REFRESH)
    assert ids(server, store) == wanted(server)
    assert len(server.asked) == asked + 3  # the page that was missing, the profile, and whether anything is newer


class Forgetful(X):
    """A source that knows no `newer_than`, as some are."""

    def page(self, profile: accounts.Profile, cursor: str, newer_than: str) -> bytes:
        return super().page(profile, cursor, "")


def test_a_refresh_ends_at_what_is_known_where_a_source_gives_all(server: Server, store: Store) -> None:
    old = server.posts["alice"]
    server.posts["alice"] = old[50:]
    fetch(server, store)
    server.posts["alice"] = old[:50] + old[51:]  # the newest that was known has been deleted
    before = server.count()
    fetching.fetch(Forgetful(xserver.TOKEN, server.url), "alice", store, REFRESH, Report())
    assert server.count() == before + 1
    assert set(ids(server, store)) == {post["id"] for post in old}
    account = accounts.read(store, "x", "alice")
    assert account is not None
    assert account.posts == len(old)  # those of the page that came again counted already


def test_a_cursor_that_comes_again_ends_it_with_a_line(
    server: Server, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    server.looping = True
    account = fetch(server, store)
    assert account.complete
    assert server.count() == 2
    assert "warning: @alice: the source gave the same cursor twice" in capsys.readouterr().err


def test_a_source_that_never_ends_is_cut_off() -> None:
    sweep = accounts.Sweep()
    for number in range(1000):
        sweep = sweep.with_page([str(number * 100 + i) for i in range(100)], f"cursor {number}", 3200)
        if sweep.complete:
            break
    assert sweep.posts == 4300
    assert "more than the 3,200 posts" in sweep.cut


def test_an_empty_page_with_a_cursor_and_a_token_that_is_refused(server: Server, store: Store) -> None:
    empty = Fault(200, {"meta": {"result_count": 0, "next_token": "t5"}})

    def forget(what: str, number: int) -> Fault | None:
        if what == "posts" and number == 3:
            server.forgotten = True
        return empty if what == "posts" and number == 2 else None

    server.fault = forget
    fetch(server, store)
    assert ids(server, store) == wanted(server)


@pytest.mark.parametrize("name", ANSWERS)
def test_after_any_answer_the_next_run_asks_for_what_is_missing_alone(server: Server, store: Store, name: str) -> None:
    what, fault, code, _ = ANSWERS[name]
    server.fault = lambda asked, number: fault if asked == what and (what == "user" or number > 2) else None
    with pytest.raises(HtctlError) as raised:
        fetching.fetch(x(server, 0.3 if name == "stalled" else 30.0), "alice", store, TERMS, Report())
    assert raised.value.exit_code == code
    server.fault = lambda asked, number: None
    asked = len(server.asked)
    fetch(server, store)
    assert ids(server, store) == wanted(server)
    questions = [question.what for question in server.asked[asked:]]
    assert questions == (["user", *["posts"] * 4] if what == "user" else ["posts"] * 2)


REFUSALS = {
    "login": (Reply(401, {"error": mastodonserver.LOGIN}), 77),
    "barred": (Reply(403, b"<html>no</html>"), 69),
    **{name: (fault.answer, fault.code) for name, fault in FAULTS.items() if name != "stalled"},
}


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("kind", ["bluesky", "mastodon"])
def test_after_any_answer_of_the_others_too_only_what_is_missing_is_asked_for(
    store: Store, kind: str, name: str
) -> None:
    answer, code = REFUSALS[name]
    if kind == "bluesky" and name == "login":
        answer = Reply(401, {"error": "AuthMissing", "message": "Authentication Required"})
    server: BlueskyServer | MastodonServer = BlueskyServer() if kind == "bluesky" else MastodonServer()
    with socialserver.running(server):
        if isinstance(server, BlueskyServer):
            handle = "alice.example"
            server.account(handle, blueskyserver.feed(330))
        else:
            handle = "alice@social.example"
            server.account("alice", mastodonserver.statuses(120))
        make = Bluesky if kind == "bluesky" else Mastodon
        source = make(server.url, lambda _: None, lambda _: None)
        server.fault = lambda number: answer if number > 2 else None
        with pytest.raises(HtctlError) as raised:
            fetching.fetch(source, handle, store, Terms(), Report())
        assert raised.value.exit_code == code
        server.fault = lambda number: None
        asked = len(server.asked)
        source = make(server.url, lambda _: None, lambda _: None)
        assert fetching.fetch(source, handle, store, Terms(), Report()).complete
        assert len(server.asked) - asked == 2  # of four pages
        fetching.fetch(source, handle, store, Terms(), Report())
        assert len(server.asked) - asked == 2


def test_a_protected_account_costs_one_look_up(server: Server, store: Store) -> None:
    server.account("shy", xserver.posts(3), protected=True)
    for _ in range(2):
        with pytest.raises(AccountError, match=r"@shy is protected: .*so on 20\d\d-.*htctl scrape --refresh shy"):
            fetch(server, store, handle="shy")
    assert [question.what for question in server.asked] == ["user"]
    server.users["shy"]["protected"] = False
    assert fetch(server, store, REFRESH, "shy").posts == 3


def test_no_question_is_asked_that_could_pass_the_budget(server: Server, store: Store) -> None:
    with pytest.raises(HtctlError, match=r"\$1.01 are spent, and the next question may cost \$0.50, more than --max-c"):
        fetch(server, store, dataclasses.replace(TERMS, budget=Budget(1.5)))
    assert server.count() == 2
    fetch(server, store, dataclasses.replace(TERMS, budget=Budget(1.0)))
    assert ids(server, store) == wanted(server)


def test_what_another_got_in_first_is_used(server: Server, store: Store) -> None:
    source = x(server)
    profile = source.read_profile(source.look_up("alice"))
    store.write(KEYS.page(0), gzip.compress(source.page(profile, "", "")))
    fetch(server, store)
    assert server.pages() == collections.Counter({("alice", token): 1 for token in tokens(server, "alice")})
    assert ids(server, store) == wanted(server)


def test_without_its_index_the_pages_are_read_and_not_asked_for(server: Server, store: Store) -> None:
    fetch(server, store)
    store.delete(KEYS.index)
    asked = len(server.asked)
    assert fetch(server, store).posts == 340
    assert len(server.asked) == asked


def tokens(server: Server, handle: str) -> list[str]:
    """The page tokens of a timeline, with the empty one of its first page."""
    posts = server.posts[handle][: server.cap]
    return ["", *(f"t{post['id']}" for post in posts[99:-1:100])]


def test_many_who_want_many_accounts_at_once(server: Server, store: Store) -> None:
    handles = [f"h{number}" for number in range(12)]
    for handle in handles:
        server.account(handle, xserver.posts(210))
    groups = [(handles[n % 12], handles[(n * 5 + 1) % 12]) for n in range(40)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda group: [fetch(server, store, handle=handle) for handle in group], groups))
    once = {(handle, token): 1 for handle in handles for token in tokens(server, handle)}
    assert server.pages() == collections.Counter(once)
    assert server.count("user") == 12
    for handle in handles:
        assert ids(server, store, handle) == wanted(server, handle)


def test_one_who_waits_gives_up_in_time(server: Server, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline import lease

    monkeypatch.setattr(turns, "PATIENCE_S", 0.3)
    lease.take(store, KEYS.lease, 60, lambda _: None)
    with pytest.raises(HtctlError, match=r"@alice is in the hands of process .* \(waited for 0 minutes\)") as raised:
        fetch(server, store)
    assert raised.value.exit_code == 75


def test_a_holder_that_lost_its_lease_leaves_it_to_the_other(server: Server, store: Store) -> None:
    from pipeline import lease

    def overtake(what: str, number: int) -> None:
        if what == "posts" and number == 2:
            found = store.read(KEYS.lease)
            other = lease.seize(store, KEYS.lease, 60, found)
            assert other is not None
            threading.Timer(0.3, other.renew, ({}, True)).start()

    server.fault = overtake
    assert fetch(server, store).complete
    assert ids(server, store) == wanted(server)


@pytest.mark.slow
def test_kills_at_any_moment_lose_nothing_and_cost_a_page_at_most(tmp_path: Path) -> None:
    """Many more rounds, with their results, are in `bench/scrape`."""
    for number in range(3):
        found = scrapekills.kill_round(str(tmp_path / str(number)), random.Random(number))
        assert found["wrong"] == [], found


@pytest.mark.slow
def test_many_processes_that_want_many_accounts_at_once(tmp_path: Path) -> None:
    found = scraperace.race(str(tmp_path / "store"), groups=40, handles=12, workers=6, posts=210)
    assert found["wrong"] == [], found


@pytest.mark.slow
def test_real_posts_come_as_they_come_from_a_file(shared: Path, store: Store) -> None:
    path = shared / "data" / "elonmusk-2025.jsonl"
    given = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    with xserver.running(cap=len(given)) as server:
        server.account("elonmusk", given)
        account = fetch(server, store, handle="elonmusk")
    found = list(pages.posts(X(""), "elonmusk", store, account))
    assert found == list(jsonl.read(path, "posts"))
    assert (account.posts, account.requests) == (3240, 34)


@pytest.mark.slow
def test_many_at_once_on_s3(server: Server, s3: s3server.Server, tmp_path: Path) -> None:
    bucket = open_store(s3.address(tmp_path.name))
    server.account("bob", xserver.posts(210))
    wants = ["alice", "bob"] * 6
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda handle: fetch(server, bucket, handle=handle), wants))
    assert server.pages().total() == 4 + 3
    assert server.count("user") == 2
    assert ids(server, bucket) == wanted(server)
    fetch(server, bucket, REFRESH)
    assert ids(server, bucket) == wanted(server)
