"""X through the real tweepy, talking to a server on a socket: every answer has a name, an exit code and a bound."""

import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.errors import HtctlError
from pipeline.sources.x import FAULT_S, LIMIT_S, X
from tests import xserver
from tests.xserver import Fault, Server, problem

HTML = b"<!DOCTYPE html><html><body>Something went wrong</body></html>"


@pytest.fixture
def server() -> Iterator[Server]:
    with xserver.running() as running:
        running.account("alice", xserver.posts(250))
        yield running


class Clock:
    """Sleeps that take no time, and what was said."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.said: list[str] = []

    def source(self, server: Server, token: str = xserver.TOKEN, timeout: float = 5.0) -> X:
        return X(token, server.url, self.said.append, self.slept.append, (timeout, timeout))


def timeline(source: X, handle: str = "alice", newer_than: str = "") -> list[Any]:
    """Every post, page by page."""
    profile = source.read_profile(source.look_up(handle))
    found, cursor = [], ""
    while True:
        page = source.read_page(source.page(profile, cursor, newer_than))
        found += page.posts
        cursor = page.cursor
        if not cursor:
            return found


def test_a_timeline_to_its_end_with_retweets(server: Server) -> None:
    found = timeline(Clock().source(server))
    assert [post.id for post in found] == [post["id"] for post in server.posts["alice"]]
    assert sum(post.retweet for post in found) == 50
    assert [asked.what for asked in server.asked] == ["user", "posts", "posts", "posts"]
    assert server.asked[1].query["max_results"] == "100"
    assert "exclude" not in server.asked[1].query


def test_a_profile_has_what_a_card_shows(server: Server) -> None:
    source = Clock().source(server)
    profile = source.read_profile(source.look_up("Alice"))
    assert (profile.name, profile.avatar) == ("alice ✨", "https://pbs.example/alice_normal.jpg")
    assert (profile.posts, profile.followers, profile.protected) == (250, 7, False)
    assert profile.created_at == "2009-06-02T20:12:29.000Z"


def test_only_what_is_newer(server: Server) -> None:
    newest = server.posts["alice"][30]["id"]
    assert len(timeline(Clock().source(server), newer_than=newest)) == 30


def test_a_page_token_that_was_forgotten_is_replaced(server: Server) -> None:
    clock = Clock()
    source = clock.source(server)
    profile = source.read_profile(source.look_up("alice"))
    first = source.read_page(source.page(profile, "", ""))
    server.forgotten = True
    second = source.read_page(source.page(profile, first.cursor, ""))
    assert [post.id for post in second.posts] == [post["id"] for post in server.posts["alice"][100:200]]
    assert "no longer takes its page token for @alice" in clock.said[0]


def test_fields_under_their_new_names_are_asked_for_and_read(server: Server) -> None:
    server.posts["alice"][0] |= {"text": "cut…", "note_tweet": {"text": "the whole of a long post"}}
    server.new_names = True
    source = Clock().source(server)
    found = timeline(source)
    assert found[0].text == "the whole of a long post"
    assert sum(post.retweet for post in found) == 50
    fields = server.asked[-1].query["post.fields"]
    assert "note_post" in fields
    assert "tweet" not in fields


# What X answers to the look-up or to the second page; the exit code; what the person reads of it.
ANSWERS: dict[str, tuple[str, Fault, int, str]] = {
    "unknown": (
        "user",
        Fault(200, {"errors": [problem("resource-not-found", "Could not find user")]}),
        66,
        "X knows no @alice",
    ),
    "not found": ("user", Fault(404, {"errors": [{"message": "gone"}]}), 66, "X knows no @alice (404)"),
    "suspended": (
        "user",
        Fault(200, {"errors": [problem("resource-not-found", "User has been suspended: [alice].")]}),
        66,
        "X has suspended @alice",
    ),
    "suspended, 403": ("posts", Fault(403, {"detail": "This user was suspended"}), 66, "X has suspended @alice"),
    "protected": (
        "posts",
        Fault(200, {"errors": [problem("not-authorized-for-resource", "Sorry, you are not authorized")]}),
        66,
        "@alice is protected",
    ),
    "withheld": (
        "posts",
        Fault(200, {"errors": [problem("disallowed-resource", "User is withheld in: DE")]}),
        66,
        "X withholds @alice where this app is (User is withheld in: DE)",
    ),
    "usage capped": (
        "posts",
        Fault(429, problem("usage-capped", "Usage cap exceeded: Monthly product cap")),
        69,
        "usage capped",
    ),
    "usage capped, new host": (
        "posts",
        Fault(429, {**problem("x", "cap"), "type": "https://api.x.com/2/problems/usage-capped"}),
        69,
        "usage capped",
    ),
    "no credits": ("posts", Fault(402, {"title": "CreditsDepleted"}), 69, "credits for X's API are used up (402)"),
    "bad token": ("posts", Fault(401, {"title": "Unauthorized"}), 77, "X refuses the bearer token (401)"),
    "no access": (
        "posts",
        Fault(
            403,
            problem(
                "client-forbidden",
                "When authenticating requests you must use an App that is attached to a Project",
                reason="client-not-enrolled",
                required_enrollment="Appropriate Level of API Access",
            ),
        ),
        77,
        "missing: client-not-enrolled, Appropriate Level of API Access",
    ),
    "app suspended": (
        "posts",
        Fault(403, problem("client-forbidden", "This app has been suspended", reason="client-suspended")),
        77,
        "X gives this app no access (client-forbidden: This app has been suspended; missing: client-suspended)",
    ),
    "no access, no reason": ("posts", Fault(403, b"<html>"), 77, "X gives this app no access (403: no reason)"),
    "limit without end": ("posts", Fault(429), 75, "@alice: X's rate limit is used up, for too long"),
    "limit, a list": ("posts", Fault(429, [1]), 75, "X's rate limit is used up, for too long"),
    "limit, nonsense": ("posts", Fault(429, {}, {"x-rate-limit-reset": "soon"}), 75, "rate limit is used up, for too"),
    "down": ("posts", Fault(503, HTML), 75, "X answers 503, for too long"),
    "down, JSON": ("posts", Fault(500, {"errors": []}), 75, "X answers 500, for too long"),
    "HTML": ("posts", Fault(200, HTML), 75, "X answers 200 with what is no JSON object (<!DOCTYPE html>"),
    "a list": ("posts", Fault(200, [{"id": "1"}]), 75, "what is no JSON object ([{"),
    "a list, 400": ("posts", Fault(400, [1, 2]), 69, "X answers 400 about @alice: no reason"),
    "nothing in it": ("posts", Fault(200, {}), 75, "neither data nor errors"),
    "cut": ("posts", Fault(0), 75, "X cannot be reached (ConnectionError: Remote end closed connection"),
    "cut half-way": ("posts", Fault(200, b'{"data": [', {"Content-Length": "5000"}), 75, "the answer was cut off"),
    "stalled": ("posts", Fault(-1), 75, "X cannot be reached (no answer in time)"),
    "another question": ("posts", Fault(400, {"errors": [{"message": "no such\nthing"}]}), 69, "no such thing"),
    "errors of no kind": ("posts", Fault(200, {"errors": ["oh"]}), 69, "X answers 200 about @alice: oh"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_has_a_name_an_exit_code_and_an_end(server: Server, name: str) -> None:
    what, fault, code, says = ANSWERS[name]
    server.fault = lambda asked, number: fault if asked == what and (what == "user" or number > 1) else None
    clock = Clock()
    with pytest.raises(HtctlError) as raised:
        timeline(clock.source(server, timeout=0.2 if name == "stalled" else 5.0))
    assert raised.value.exit_code == code
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "alice" in str(raised.value) or code in (69, 77)
    assert sum(clock.slept) <= (LIMIT_S if "limit" in name else FAULT_S)
    assert len(clock.slept) == len(clock.said) == len(server.asked) - (1 if what == "user" else 3)


def test_a_limit_is_waited_for_and_said(server: Server) -> None:
    reset = Fault(429, {"title": "Too Many Requests"}, {"x-rate-limit-reset": str(int(time.time()) + 120)})
    server.fault = lambda what, number: reset if what == "posts" and number == 2 else None
    clock = Clock()
    assert len(timeline(clock.source(server))) == 250
    assert 100 < clock.slept[0] <= 122
    assert clock.said[0].startswith("@alice: X's rate limit is used up; asking again in 1")


def test_a_limit_whose_end_is_past_is_asked_at_growing_intervals(server: Server) -> None:
    reset = Fault(429, {}, {"x-rate-limit-reset": "1000"})
    server.fault = lambda what, number: reset if what == "posts" else None
    clock = Clock()
    with pytest.raises(HtctlError, match="rate limit"):
        timeline(clock.source(server))
    assert clock.slept == [1.0 * 2**n for n in range(9)]


def test_a_limit_that_ends_far_away_is_not_waited_for(server: Server) -> None:
    reset = Fault(429, {}, {"x-rate-limit-reset": str(int(time.time()) + 5000)})
    server.fault = lambda what, number: reset if what == "posts" else None
    clock = Clock()
    with pytest.raises(HtctlError, match=r"used up until \d\d:\d\d UTC, longer than is waited for; .* goes on there"):
        timeline(clock.source(server))
    assert clock.slept == []


def test_a_fault_that_passes_is_hardly_noticed(server: Server) -> None:
    server.fault = lambda what, number: Fault(503, HTML) if what == "posts" and number in (2, 3) else None
    clock = Clock()
    assert len(timeline(clock.source(server))) == 250
    assert clock.slept == [1.0, 2.0]


def test_an_account_that_has_another_name_now(server: Server) -> None:
    server.users["old"] = {**server.users["alice"], "username": "alice"}
    with pytest.raises(HtctlError, match="@old is called @alice at X now; write that"):
        Clock().source(server).look_up("old")


@pytest.mark.parametrize("token", ["", "  \n", "two words", "naïve"])
def test_a_token_that_is_none_is_refused_and_not_told(server: Server, token: str) -> None:
    with pytest.raises(HtctlError, match="X_BEARER_TOKEN") as raised:
        Clock().source(server, token).look_up("alice")
    assert raised.value.exit_code == 77
    assert not token.strip() or token not in str(raised.value)
    assert server.asked == []


def test_space_around_a_token_is_no_part_of_it(server: Server) -> None:
    assert Clock().source(server, f" {xserver.TOKEN}\n").look_up("alice")


def test_what_is_kept_is_read_without_a_token(server: Server) -> None:
    body = Clock().source(server).look_up("alice")
    assert X("").read_profile(body).handle == "alice"


PROGRAM = """
import logging, sys
logging.basicConfig(level=logging.DEBUG)
from pipeline.sources.x import X
source = X(sys.stdin.read(), sys.argv[1])
source.page(source.read_profile(source.look_up("alice")), "", "")
source.look_up("nobody")
"""


def test_no_log_and_no_traceback_has_the_token(server: Server) -> None:
    program = [sys.executable, "-X", "faulthandler", "-c", PROGRAM, server.url]
    ran = subprocess.run(program, input=xserver.TOKEN, capture_output=True, text=True, check=False)
    assert "Making API request" in ran.stderr  # the logs are on
    assert "GET /2/users/by/username/alice" in ran.stderr
    assert "AccountError: X knows no @nobody" in ran.stderr
    assert xserver.TOKEN not in ran.stderr + ran.stdout


def test_logs_in_this_process_have_no_token(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    Clock().source(server).look_up("alice")
    assert "Bearer (not logged)" in caplog.text
    assert xserver.TOKEN not in caplog.text


def test_what_is_no_post_is_counted_all_the_same() -> None:
    page = X("").read_page(json.dumps({"data": [{"id": "1"}, 7, {"id": "2", "text": "a\ud800"}], "meta": {}}).encode())
    assert [(post.id, post.text) for post in page.posts] == [("1", ""), ("", ""), ("2", "a\ufffd")]
    assert page.cursor == ""


def test_a_cursor_has_the_oldest_id_though_x_does_not_say_it() -> None:
    body = {"data": [{"id": "100", "text": "a"}, {"id": "99", "text": "b"}], "meta": {"next_token": "t"}}
    assert X("").read_page(json.dumps(body).encode()).cursor == "t 99"
