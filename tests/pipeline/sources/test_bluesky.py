"""Bluesky through the real atproto, talking to a server on a socket: every answer has a name, an exit code, a bound."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pipeline.posts import Post
from pipeline.sources import bluesky
from pipeline.sources.bluesky import Bluesky
from pipeline.sources.network import CursorRefusedError
from tests import blueskyserver, socialserver
from tests.blueskyserver import BlueskyServer, post, repost
from tests.pipeline.sources.asked import FAULTS, Clock, Fault, refused, timeline
from tests.pipeline.sources.test_facets import JSON
from tests.socialserver import HTML, Answer


@pytest.fixture
def server() -> Iterator[BlueskyServer]:
    with socialserver.running(BlueskyServer()) as running:
        running.account("alice.example", blueskyserver.feed(250))
        yield running


def source(server: BlueskyServer, clock: Clock | None = None, timeout: float = 10.0) -> Bluesky:
    clock = clock or Clock()
    return Bluesky(server.url, clock.said.append, clock.slept.append, timeout)


def read(*feed: Any, **page: Any) -> list[Post]:
    return list(Bluesky().read_page(json.dumps({"feed": feed, **page}).encode()).posts)


@pytest.mark.parametrize("handle", ["alice.example", "Alice.EXAMPLE", "did"])
def test_a_timeline_to_its_end_by_handle_or_did(server: BlueskyServer, handle: str) -> None:
    found = timeline(source(server), next(iter(server.profiles)) if handle == "did" else handle)
    assert len({post.id for post in found}) == len(found) == 250
    assert sum(post.retweet for post in found) == 50
    assert [asked.path.rpartition(".")[2] for asked in server.asked] == ["getProfile", *["getAuthorFeed"] * 3]
    first, second = server.asked[1].query, server.asked[2].query
    assert first["actor"] == next(iter(server.profiles))
    assert (first["filter"], first["limit"], first["includePins"]) == ("posts_with_replies", "100", "false")
    assert "cursor" not in first
    assert second["cursor"] == blueskyserver.moment(151)
    assert server.asked[0].headers["User-Agent"] == "htctl"


def test_an_account_that_was_renamed_meanwhile_is_gone_on_with(server: BlueskyServer) -> None:
    asked = source(server)
    profile = asked.read_profile(asked.look_up("alice.example"))
    server.profiles[profile.id]["handle"] = "new.example"
    assert len(asked.read_page(asked.page(profile, "", "")).posts) == 100


def test_bodies_are_kept_as_they_came(server: BlueskyServer) -> None:
    asked = source(server)
    odd = b'{ "did":"did:plc:x",\n "handle": "a.b", "new \\u00e9":  1.50 }'
    server.failing(Answer(200, odd))
    assert asked.look_up("a.b") == odd
    assert asked.read_profile(odd).handle == "a.b"


def test_the_profile(server: BlueskyServer) -> None:
    asked = source(server)
    profile = asked.read_profile(asked.look_up("alice.example"))
    assert profile.id == next(iter(server.profiles))
    assert (profile.handle, profile.name, profile.description) == ("alice.example", "Alice ✨", "tea\n& biscuits")
    assert (profile.avatar, profile.created_at) == ("https://cdn.example/a.jpg", "2023-04-05T06:07:08.900Z")
    assert (profile.protected, profile.posts, profile.followers) == (False, 250, 7)


def test_an_account_without_posts(server: BlueskyServer) -> None:
    server.account("empty.example", [])
    assert timeline(source(server), "empty.example") == []


def test_reposts_replies_and_quotes() -> None:
    reply = post(3, "no, you", reply={"parent": {}, "root": {}})
    quote = post(4, "look at this", embed={"$type": "app.bsky.embed.record", "record": {"uri": "at://x"}})
    bob = post(1, "bob's words", "did:plc:bob", langs=["pt-BR", "en"])
    pinned = {**post(5, "read me first"), "reason": {"$type": "app.bsky.feed.defs#reasonPin"}}
    found = read(repost(9, bob), pinned, quote, reply)
    assert [each.retweet for each in found] == [True, False, False, False]
    assert [each.text for each in found] == ["bob's words", "read me first", "look at this", "no, you"]
    assert found[0].id == "at://did:plc:alice/app.bsky.feed.repost/0000000000009"
    assert (found[0].created_at, found[0].lang) == (blueskyserver.moment(9), "pt-BR")
    assert (found[3].created_at, found[3].lang) == (blueskyserver.moment(3), "en")


def test_who_reposts_their_own_words_does_not_lose_them() -> None:
    own = post(1, "my best one")
    for later in (repost(2, own), {**own, "reason": {"$type": "app.bsky.feed.defs#reasonRepost"}}):
        first, second = read(later, own)
        assert first.id != second.id
        assert (first.retweet, second.retweet) == (True, False)


def test_a_link_is_whole_and_what_looks_like_an_entity_stays_itself() -> None:
    facet = {
        "index": {"byteStart": 3, "byteEnd": 17},
        "features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://example.com/long"}],
    }
    (found,) = read(post(1, "é example.com... &lt;b&gt;", facets=[facet]))
    assert found.text == "é https://example.com/long &amp;lt;b&amp;gt;"


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("2020-01-01T00:00:00+09:00", "2019-12-31T15:00:00.000Z"),
        ("3000-01-01T00:00:00Z", blueskyserver.moment(1)),
        ("long ago", blueskyserver.moment(1)),
        (None, blueskyserver.moment(1)),
    ],
)
def test_when_a_post_was_made_is_not_after_it_was_seen(written: Any, made: str) -> None:
    assert read(post(1, createdAt=written))[0].created_at == made


FIELDS = st.sampled_from(["post", "record", "uri", "reason", "langs", "createdAt", "facets"])


@given(st.recursive(JSON, lambda inner: st.dictionaries(FIELDS, inner)))
def test_no_item_is_too_strange_and_every_one_counts(item: Any) -> None:
    assert len(read(item, post(1), new_field=item)) == 2
    Bluesky().read_profile(json.dumps({"did": item, "labels": item, "postsCount": item}).encode())


def test_a_cursor_that_is_refused_is_replaced_by_the_moment_of_the_last_post(server: BlueskyServer) -> None:
    clock = Clock()
    asked = source(server, clock)
    profile = asked.read_profile(asked.look_up("alice.example"))
    page = asked.read_page(asked.page(profile, "", ""))
    last = blueskyserver.moment(151)
    assert page.cursor == f"{last} {last}"
    refusal = Answer(400, {"error": "InvalidRequest", "message": "Malformed cursor"})
    server.failing(refusal)
    again = asked.read_page(asked.page(profile, f"forgotten {last}", ""))
    assert again.posts[0].id.endswith("0000000000150")
    assert server.asked[-1].query["cursor"] == last
    assert clock.said == [f"Bluesky no longer takes its cursor for @alice.example; going on before {last}"]
    server.failing(refusal)
    assert isinstance(refused(asked.page, profile, f"{last} {last}", ""), CursorRefusedError)


GONE = [
    ("AccountTakedown", "Account has been suspended", 400, 66, "@alice.example is suspended at Bluesky; leave it out"),
    ("AccountDeactivated", "Account is deactivated", 400, 66, "@alice.example is deactivated at Bluesky; leave it out"),
    ("InvalidRequest", "Profile not found", 400, 66, "Bluesky knows no @alice.example: misspelt, renamed or deleted"),
    ("AuthMissing", "Authentication Required", 401, 77, "shows @alice.example only to who is logged in, which htctl"),
    (
        "Forbidden",
        "Blocked\n\x1b[31m",
        403,
        69,
        "Bluesky answers 403 about @alice.example: Forbidden: Blocked [31m;",
    ),
    (
        "InvalidRequest",
        "Malformed cursor",
        400,
        69,
        "Bluesky answers 400 about @alice.example: InvalidRequest",
    ),
]


@pytest.mark.parametrize(("error", "message", "status", "code", "says"), GONE)
def test_every_refusal_has_a_name(
    server: BlueskyServer, error: str, message: str, status: int, code: int, says: str
) -> None:
    clock = Clock()
    asked = source(server, clock)
    profile = asked.read_profile(asked.look_up("alice.example"))
    server.gone_as(profile.id, error, message, status)
    for question in (lambda: asked.look_up("alice.example"), lambda: asked.page(profile, "", "")):
        found = refused(question)
        assert found.exit_code == code
        assert says in str(found)
    assert clock.slept == []
    assert len(server.asked) == 3


def test_an_account_that_is_not_there(server: BlueskyServer) -> None:
    found = refused(source(server).look_up, "nobody.example")
    assert (found.exit_code, str(found)[:31]) == (66, "Bluesky knows no @nobody.example"[:31])


def test_a_web_page_that_refuses(server: BlueskyServer) -> None:
    server.failing(Answer(403, HTML))
    found = refused(source(server).look_up, "alice.example")
    assert (found.exit_code, "answers 403 about @alice.example: with no reason" in str(found)) == (69, True)


def test_who_wants_to_be_seen_only_by_who_is_logged_in_is_not_asked_for_posts(server: BlueskyServer) -> None:
    server.account("shy.example", blueskyserver.feed(3), labels=[{"val": "!no-unauthenticated"}])
    asked = source(server)
    found = refused(asked.look_up, "shy.example")
    assert (found.exit_code, "wants its posts seen only by who is logged in" in str(found)) == (66, True)
    profile = asked.read_profile(json.dumps(list(server.profiles.values())[-1]).encode())
    assert profile.protected
    assert refused(asked.page, profile, "", "").exit_code == 66
    assert server.count("Feed") == 0


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_waited_for_within_bounds_and_has_a_name(server: BlueskyServer, name: str) -> None:
    fault: Fault = FAULTS[name]
    clock = Clock()
    asked = source(server, clock, 0.2)
    profile = asked.read_profile(asked.look_up("alice.example"))
    server.fault = lambda _: fault.answer
    begun = time.monotonic()
    found = refused(asked.page, profile, "", "")
    assert time.monotonic() - begun < 20  # a library's own patience with one that is silent would take longer
    assert (found.exit_code, found.exit_code) == (fault.code, 75)
    assert str(found).startswith("@alice.example: Bluesky ")
    assert fault.says in str(found)
    assert 0 < sum(clock.slept) <= 360


def test_a_fault_that_passes_costs_one_question_more(server: BlueskyServer) -> None:
    clock = Clock()
    server.failing(Answer(502, HTML), Answer(429, {"error": "RateLimitExceeded"}, {"Retry-After": "7"}))
    asked = source(server, clock)
    assert len(timeline(asked, "alice.example")) == 250
    assert len(server.asked) == 6
    assert clock.slept == [1.0, 7.0]


def test_a_limit_that_has_a_reset_is_waited_for(server: BlueskyServer) -> None:
    clock = Clock()
    reset = str(int(time.time()) + 90)
    limited = {"RateLimit-Limit": "3000", "RateLimit-Remaining": "0", "RateLimit-Reset": reset}
    server.failing(Answer(429, {"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"}, limited))
    source(server, clock).look_up("alice.example")
    assert clock.slept == [pytest.approx(91, abs=2)]


def test_what_cannot_be_reached() -> None:
    clock = Clock()
    asked = Bluesky("http://127.0.0.1:9", clock.said.append, clock.slept.append)
    found = refused(asked.look_up, "alice.example")
    assert (found.exit_code, "gives no whole answer ([Errno 111] Connection refused)" in str(found)) == (
        75,
        True,
    )


def test_reading_what_is_kept_loads_no_atproto() -> None:
    code = (
        "import sys; from pipeline.sources.bluesky import opened\n"
        "opened({}, print).read_page(b'{}'); assert 'atproto_client' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_environment_names_another_address() -> None:
    assert bluesky.opened({bluesky.API: "http://127.0.0.1:1"}, print)._api == "http://127.0.0.1:1"
    assert bluesky.opened({}, print)._api == "https://public.api.bsky.app"
