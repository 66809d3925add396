import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import accounts, lease, scraping
from pipeline.order import Order
from pipeline.progress import Report
from pipeline.settings import Scrape
from pipeline.store.folder import FolderStore
from tests import mastodonserver, socialserver, xserver
from tests.mastodonserver import LOGIN, MastodonServer
from tests.socialserver import Answer
from tests.xserver import Fault, Server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with xserver.as_x(monkeypatch) as running:
        yield running


def scrape(store: FolderStore, *arguments: str) -> int:
    return scraping.main(["--source", "x", "--store", store.address, *arguments])


def test_accounts_by_name(server: Server, store: FolderStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert scrape(store, "Alice", "bob") == 0
    assert "scrape: @Alice: 120 posts, $0.61 spent on it in all" in capsys.readouterr().err
    found = accounts.read(store, "x", "bob")
    assert found is not None
    assert found.complete


def test_one_that_is_not_there_is_left_out(
    server: Server, store: FolderStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scrape(store, "nobody", "bob") == 66
    assert "error: X knows no @nobody" in capsys.readouterr().err
    assert accounts.read(store, "x", "bob")


def test_what_would_be_so_for_all_ends_it(
    server: Server, store: FolderStore, capsys: pytest.CaptureFixture[str]
) -> None:
    server.fault = lambda what, number: Fault(402) if what == "posts" else None
    assert scrape(store, "alice", "bob") == 69
    assert "credits for X's API are used up" in capsys.readouterr().err
    assert server.count("user") == 1


def test_a_budget_and_prices(server: Server, store: FolderStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert scrape(store, "--max-cost", "5", "--post-price", "0.02", "--account-price", "0.5", "alice", "bob") == 1
    assert "$3.40 are spent, and the next question may cost $2.00" in capsys.readouterr().err


def test_again(server: Server, store: FolderStore) -> None:
    scrape(store, "alice")
    server.posts["alice"] = [*xserver.posts(1, 2 * 10**18), *server.posts["alice"][50:]]
    for option, posts in (("--refresh", 121), ("--anew", 71)):
        assert scrape(store, option, "alice") == 0
        found = accounts.read(store, "x", "alice")
        assert found is not None
        assert found.posts == posts


def test_a_refresh_looks_many_accounts_up_at_once_and_asks_about_those_that_are_gone(
    server: Server, store: FolderStore, capsys: pytest.CaptureFixture[str]
) -> None:
    server.account("carol", xserver.posts(3))
    assert scrape(store, "alice", "bob", "carol") == 0
    server.users["bob"]["name"] = "Bob himself"
    del server.users["carol"]
    singles = server.count("user")
    assert scrape(store, "--refresh", "Alice", "bob", "carol") == 66
    assert (server.count("users"), server.count("user")) == (1, singles + 2)  # carol, whose posts go when both say so
    found = {handle: accounts.read(store, "x", handle) for handle in ("alice", "bob", "carol")}
    assert [each.posts for each in found.values() if each] == [120, 120, 0]
    assert found["bob"] and found["bob"].profile.name == "Bob himself"
    assert "its 3 posts are removed from the store" in capsys.readouterr().err


def test_where_many_may_not_be_paid_for_each_is(server: Server, store: FolderStore) -> None:
    assert scrape(store, "alice", "bob") == 0
    assert scrape(store, "--refresh", "--max-cost", "0.6", "alice", "bob") == 0
    assert (server.count("users"), server.count("user")) == (1, 2)
    assert scrape(store, "--refresh", "--max-cost", "0.015", "--post-price", "0", "alice", "bob") == 1
    assert (server.count("users"), server.count("user")) == (1, 3)


def test_where_none_of_many_is_there_each_is_told(
    server: Server, store: FolderStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scrape(store, "--refresh", "nobody", "noone") == 66
    told = capsys.readouterr().err
    assert "X knows no @nobody" in told
    assert "X knows no @noone" in told


def test_without_a_token(server: Server, store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    scrape(store, "alice")
    monkeypatch.delenv("X_BEARER_TOKEN")
    assert scrape(store, "alice") == 0  # all is there
    assert scrape(store, "bob") == 77


@pytest.mark.slow
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130)])
def test_one_that_is_told_to_stop_gives_the_account_back(
    server: Server, store: FolderStore, signum: signal.Signals, code: int
) -> None:
    def slow(what: str, number: int) -> None:
        if what == "posts" and number == 2:
            process.send_signal(signum)
            time.sleep(0.5)

    command = [sys.executable, "-m", "pipeline.scraping", "--source", "x", "--store", store.address, "alice"]
    server.fault = slow
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    _, said = process.communicate()
    assert process.returncode == code, said
    assert b"Traceback" not in said
    held = lease.State.parse((Path(store.address) / "posts/x/alice/lease.json").read_bytes())
    assert held.released
    server.fault = lambda what, number: None
    assert scrape(store, "alice") == 0
    assert server.count("user") == 1


@pytest.mark.slow
def test_a_limit_is_told_while_it_is_waited_for(server: Server, store: FolderStore) -> None:
    reset = {"x-rate-limit-reset": str(int(time.time()) + 3)}
    server.fault = lambda what, number: Fault(429, {}, reset) if what == "posts" and number == 2 else None
    command = [sys.executable, "-m", "pipeline.scraping", "--source", "x", "--store", store.address, "alice"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0
    assert "@alice: X's rate limit is used up; asking again in " in ran.stderr
    assert "scrape: @alice: 120 posts" in ran.stderr


class Picky(MastodonServer):
    """One that stands for many: those called one.example want a login."""

    def answer(self, path: str, query: dict[str, str]) -> Answer:
        return Answer(401, {"error": LOGIN}) if query.get("acct", "").startswith("shy") else super().answer(path, query)


@pytest.fixture
def picky(monkeypatch: pytest.MonkeyPatch) -> Iterator[Picky]:
    with socialserver.running(Picky("two.example")) as running:
        for user in ("dora", "emil", "shy"):
            running.account(user, mastodonserver.statuses(50))
        monkeypatch.setenv("HTCTL_MASTODON_API", running.url)
        yield running


def test_one_server_that_refuses_does_not_keep_others_from_being_asked(
    picky: Picky, store: FolderStore, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["shy@one.example", "dora@one.example", "dora@two.example", "nobody@two.example", "emil@two.example"]
    assert scraping.main(["--source", "mastodon", "--store", store.address, *asked]) == 77
    said = capsys.readouterr().err
    assert "scrape: @dora@one.example: left out, since one.example is asked for nothing more" in said
    assert "error: two.example knows no @nobody@two.example" in said
    for handle in ("dora@two.example", "emil@two.example"):
        found = accounts.read(store, "mastodon", handle)
        assert found is not None
        assert found.complete
    assert accounts.read(store, "mastodon", "dora@one.example") is None


def test_what_is_kept_needs_no_server(server: Server, store: FolderStore, capsys: pytest.CaptureFixture[str]) -> None:
    scrape(store, "bob")
    server.fault = lambda what, number: Fault(402)
    assert scrape(store, "alice", "bob") == 69
    assert "scrape: @bob: 120 posts" in capsys.readouterr().err


def test_an_odd_answer_about_one_account_is_not_the_others_affair(server: Server, store: FolderStore) -> None:
    server.fault = lambda what, number: Fault(418, {"title": "teapot"}) if number == 1 and what == "user" else None
    assert scrape(store, "alice", "bob") == 69
    found = accounts.read(store, "x", "bob")
    assert found is not None
    assert found.complete


@pytest.mark.parametrize(
    ("codes", "code"), [([], 0), ([0, 0], 0), ([66, 69, 75, 77], 75), ([66, 69, 77], 77), ([69, 66], 69), ([0, 66], 66)]
)
def test_the_worst_exit_code_stands_for_all(codes: list[int], code: int) -> None:
    assert scraping.worst(codes) == code


def test_no_more_posts_than_are_wanted_are_asked_for(server: Server, store: FolderStore) -> None:
    server.account("long", xserver.posts(900))
    assert scrape(store, "--posts", "250", "long") == 0
    found = accounts.read(store, "x", "long")
    assert found is not None
    assert (found.complete, found.posts, server.count("posts")) == (True, 300, 3)
    assert scrape(store, "--posts", "250", "long") == 0
    assert server.count("posts") == 3
    assert scrape(store, "--anew", "long") == 0
    found = accounts.read(store, "x", "long")
    assert found is not None
    assert found.posts == 900


def test_an_order_is_fulfilled_source_by_source(
    server: Server, picky: Picky, store: FolderStore, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = {"x": ("alice", "nobody"), "mastodon": ("dora@two.example",)}
    order = Order(store.address, wanted, Scrape(post_price=0.02, posts=40))
    assert scraping.fulfil(order, Report()) == 66
    said = capsys.readouterr().err
    assert "scrape: @alice: 100 posts, $2.01 spent on it in all" in said
    assert "scrape: @dora@two.example: 40 posts" in said
