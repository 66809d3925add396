"""Mastodon through the real Mastodon.py, talking to a server on a socket: every answer has a name, a code, a bound."""

import datetime
import html
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
from pipeline.settings import Clean
from pipeline.sources import mastodon
from pipeline.sources.mastodon import Mastodon
from pipeline.text import cleaning
from tests import mastodonserver, socialserver
from tests.mastodonserver import MastodonServer, boost, status
from tests.pipeline.sources.asked import FAULTS, Clock, Fault, refused, timeline
from tests.pipeline.sources.test_facets import JSON
from tests.socialserver import HTML, Answer

ALICE = "alice@social.example"


@pytest.fixture
def server() -> Iterator[MastodonServer]:
    with socialserver.running(MastodonServer()) as running:
        running.account("alice", mastodonserver.statuses(100))
        yield running


def source(server: MastodonServer, clock: Clock | None = None, timeout: float = 10.0) -> Mastodon:
    clock = clock or Clock()
    return Mastodon(server.url, clock.said.append, clock.slept.append, timeout)


def read(*statuses: Any) -> list[Post]:
    return list(Mastodon().read_page(json.dumps(statuses).encode()).posts)


@pytest.mark.parametrize("handle", [ALICE, "Alice@Social.Example"])
def test_a_timeline_to_its_end(server: MastodonServer, handle: str) -> None:
    found = timeline(source(server), handle)
    assert [post.id for post in found] == [each["id"] for each in server.statuses["109000000000000000"]]
    assert sum(post.retweet for post in found) == 20
    assert [asked.path.rpartition("/")[2] for asked in server.asked] == ["lookup", *["statuses"] * 4]
    assert server.asked[0].query["acct"] == handle.partition("@")[0]
    assert server.asked[1].query == {"limit": "40"}
    assert server.asked[2].query == {"limit": "40", "max_id": found[39].id}
    assert "Authorization" not in server.asked[0].headers
    assert server.asked[0].headers["User-Agent"] == "htctl"


def test_a_server_whose_pages_are_smaller_than_asked_for(server: MastodonServer) -> None:
    server.LARGEST = 7
    assert len(timeline(source(server), ALICE)) == 100


def test_only_what_is_newer(server: MastodonServer) -> None:
    newest = server.statuses["109000000000000000"]
    assert [post.id for post in timeline(source(server), ALICE, newest[50]["id"])] == [s["id"] for s in newest[:50]]
    assert server.asked[2].query == {"limit": "40", "since_id": newest[50]["id"], "max_id": newest[39]["id"]}


def test_bodies_are_kept_as_they_came(server: MastodonServer) -> None:
    odd = b'[ {"id": "5" , "content":"<p>\\u00e9</p>","new": [1.50]} , 7, null ]'
    asked = source(server)
    profile = asked.read_profile(asked.look_up(ALICE))
    server.failing(Answer(200, odd))
    assert asked.page(profile, "", "") == odd
    page = asked.read_page(odd)
    assert (len(page.posts), page.posts[0].text, page.cursor) == (3, "é", "5")


def test_the_profile(server: MastodonServer) -> None:
    asked = source(server)
    profile = asked.read_profile(asked.look_up(ALICE))
    assert (profile.id, profile.handle) == ("109000000000000000", ALICE)
    assert (profile.name, profile.description) == ("Alice ✨", "tea\n& biscuits")
    assert (profile.avatar, profile.created_at) == ("https://cdn.example/a.jpg", "2022-11-05T00:00:00.000Z")
    assert (profile.protected, profile.posts, profile.followers) == (False, 100, 7)


def test_a_server_that_answers_for_another_domain_s_handles_is_asked_for_the_posts(server: MastodonServer) -> None:
    server.account("bo", [], url="https://web.example/@bo", followers_count=-1, locked=True)
    asked = source(server)
    profile = asked.read_profile(asked.look_up("bo@example.org"))
    assert (profile.handle, profile.followers, profile.protected) == ("bo@web.example", None, False)


def test_an_account_without_posts(server: MastodonServer) -> None:
    server.account("empty", [])
    assert timeline(source(server), "empty@social.example") == []


def test_boosts_replies_languages_and_html() -> None:
    bobs = status(1, "bob's words & yours", language="de")
    written = '<p><span><a href="https://x.example/@bo" class="u-url mention">@<span>bo</span></a></span> no<br>you</p>'
    found = read(boost(9, bobs), status(3, content=written, in_reply_to_id="1", language=None))
    assert [each.retweet for each in found] == [True, False]
    assert [each.text for each in found] == ["bob's words & yours", "@bo no\nyou"]
    assert [each.lang for each in found] == ["de", ""]
    assert [each.id for each in found] == [status(9)["id"], status(3)["id"]]
    assert found[0].created_at == "2024-01-02T00:00:09.000Z"


FIELDS = st.sampled_from(["id", "content", "reblog", "language", "created_at", "new"])


@given(st.recursive(JSON, lambda inner: st.dictionaries(FIELDS, inner)))
def test_no_status_is_too_strange_and_every_one_counts(item: Any) -> None:
    assert len(read(item, status(1))) == 2
    assert Mastodon().read_page(json.dumps([status(1), item]).encode()).cursor
    Mastodon().read_profile(json.dumps({"url": item, "uri": item, "note": item, "id": item}).encode())


@given(st.lists(st.text(max_size=60), max_size=6))
def test_any_text_goes_through_cleaning_and_keeps_its_count(texts: list[str]) -> None:
    rules = cleaning.rules(Clean())
    for written in (texts, [f"<p>{html.escape(text)}</p>" for text in texts]):
        found = read(*(status(number, content=text) for number, text in enumerate(written)))
        assert len(found) == len([cleaning.clean(post, rules) for post in found]) == len(texts)


GONE = [
    (
        Answer(404, {"error": "Record not found"}),
        66,
        "social.example knows no @alice@social.example: misspelt, moved",
    ),
    (Answer(410, {"error": "Gone"}), 66, "@alice@social.example is suspended or deleted (social.example answers 410)"),
    (Answer(401, {"error": mastodonserver.LOGIN}), 77, "shows @alice@social.example only to who is logged in"),
    (Answer(403, {"error": "This action is not allowed"}), 77, "shows @alice@social.example only to who is logged in"),
    (Answer(422, {"error": mastodonserver.LOGIN}), 77, "shows @alice@social.example only to who is logged in"),
    (Answer(404, HTML), 69, "does not speak Mastodon's API; where @alice@social.example's page has another address"),
    (
        Answer(403, HTML),
        69,
        "answers 403 about @alice@social.example: <!DOCTYPE html><html><body>Just",
    ),
    (Answer(400, {"error": "no\n\x1b[31m"}), 69, "answers 400 about @alice@social.example: no [31m; it may bar"),
]


@pytest.mark.parametrize(("answer", "code", "says"), GONE)
def test_every_refusal_has_a_name(server: MastodonServer, answer: Answer, code: int, says: str) -> None:
    clock = Clock()
    asked = source(server, clock)
    profile = asked.read_profile(asked.look_up(ALICE))
    server.gone[profile.id] = answer
    for question in (lambda: asked.look_up(ALICE), lambda: asked.page(profile, "", "")):
        found = refused(question)
        assert found.exit_code == code
        assert says in str(found)
    assert clock.slept == []
    assert len(server.asked) == 3


def test_an_account_that_is_not_there(server: MastodonServer) -> None:
    found = refused(source(server).look_up, "nobody@social.example")
    assert (found.exit_code, "social.example knows no @nobody@social.example" in str(found)) == (66, True)


def test_a_suspended_account_is_no_empty_one(server: MastodonServer) -> None:
    server.account("bad", mastodonserver.statuses(3), suspended=True)
    found = refused(source(server).look_up, "bad@social.example")
    assert (found.exit_code, "@bad@social.example is suspended by its server" in str(found)) == (66, True)


def test_a_server_that_shows_posts_to_nobody_without_a_login(server: MastodonServer) -> None:
    asked = source(server)
    profile = asked.read_profile(asked.look_up(ALICE))
    server.login = True
    assert refused(asked.page, profile, "", "").exit_code == 77


@pytest.mark.parametrize("url", ["https://10.0.0.1/@alice", "https://localhost/@alice", "", "https://[", 7])
def test_an_account_that_names_no_server_on_the_web_is_none(server: MastodonServer, url: Any) -> None:
    server.account("odd", [], url=url, uri=url)
    found = refused(source(server).look_up, "odd@social.example")
    assert (found.exit_code, "answers with what is not asked for" in str(found)) == (75, True)


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_waited_for_within_bounds_and_has_a_name(server: MastodonServer, name: str) -> None:
    fault: Fault = FAULTS[name]
    clock = Clock()
    asked = source(server, clock, 0.2)
    profile = asked.read_profile(asked.look_up(ALICE))
    server.fault = lambda _: fault.answer
    begun = time.monotonic()
    found = refused(asked.page, profile, "", "")
    assert time.monotonic() - begun < 20  # a library's own patience with one that is silent would take longer
    assert found.exit_code == fault.code
    assert str(found).startswith("@alice@social.example: social.example ")
    assert fault.says in str(found)
    assert 0 < sum(clock.slept) <= 360


def test_a_fault_that_passes_costs_one_question_more(server: MastodonServer) -> None:
    clock = Clock()
    server.failing(Answer(503, HTML), Answer(socialserver.CUT, b"["), Answer(429, HTML, {"Retry-After": "7"}))
    assert len(timeline(source(server, clock), ALICE)) == 100
    assert len(server.asked) == 8
    assert clock.slept == [1.0, 2.0, 7.0]


def limits(left: int, seconds: float) -> dict[str, str]:
    reset = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return {
        "X-RateLimit-Limit": "300",
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": reset.isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }


def test_a_limit_that_has_a_reset_is_waited_for(server: MastodonServer) -> None:
    clock = Clock()
    server.failing(Answer(429, {"error": "Too many requests"}, limits(0, 90)))
    source(server, clock).look_up(ALICE)
    assert clock.slept == [pytest.approx(91, abs=2)]


def test_a_server_with_no_questions_left_is_not_driven_to_refuse(server: MastodonServer) -> None:
    clock = Clock()
    asked = source(server, clock)
    server.limit_headers = limits(0, 200)
    asked.look_up(ALICE)
    server.limit_headers = limits(299, 300)
    asked.look_up(ALICE)
    assert clock.slept == [pytest.approx(201, abs=2)]
    assert server.count(status=429) == 0


def test_a_limit_of_an_hour_is_not_waited_for(server: MastodonServer) -> None:
    clock = Clock()
    server.failing(Answer(429, {"error": "Too many requests"}, limits(0, 3600)))
    found = refused(source(server, clock).look_up, ALICE)
    assert (found.exit_code, clock.slept) == (75, [])
    assert "longer than is waited for" in str(found)


def test_limit_headers_that_cannot_be_read_are_none(server: MastodonServer) -> None:
    server.limit_headers = {"X-RateLimit-Remaining": "x", "X-RateLimit-Reset": "whenever", "Date": "never"}
    assert len(timeline(source(server), ALICE)) == 100


def test_a_server_that_cannot_be_reached() -> None:
    clock = Clock()
    asked = Mastodon("http://127.0.0.1:9", clock.said.append, clock.slept.append)
    found = refused(asked.look_up, ALICE)
    assert (found.exit_code, "social.example gives no whole answer ([Errno 111] Conn" in str(found)) == (75, True)


def test_every_server_is_asked_for_its_own_accounts() -> None:
    asked = Mastodon()
    asked._connected("one.example")
    asked._connected("two.example")
    assert [client.api_base_url for client in asked._clients.values()] == ["https://one.example", "https://two.example"]


def test_reading_what_is_kept_loads_no_mastodon_py() -> None:
    code = (
        "import sys; from pipeline.sources.mastodon import opened\n"
        "opened({}, print).read_page(b'[]'); assert 'mastodon' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_environment_names_one_address_for_all_servers() -> None:
    assert mastodon.opened({mastodon.API: "http://127.0.0.1:1"}, print)._api == "http://127.0.0.1:1"
    assert mastodon.opened({}, print)._api == ""
