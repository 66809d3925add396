import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import factories, xserver
from tests.htctl.runner import Ran, htctl
from tests.xserver import Fault, Server, problem


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with xserver.as_x(monkeypatch) as running:
        yield running


def scrape(folder: Path, *arguments: str) -> Ran:
    return htctl("scrape", *arguments, "--store", str(folder / "store"))


@pytest.mark.slow
def test_handles_are_fetched_once(server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ran = scrape(tmp_path, "alice+bob", "bob")
    assert ran.code == 0, capfd.readouterr().err
    assert ran.err.startswith("posts of @alice, @bob cost up to $32.02 at X\n")
    assert ran.out == "@alice\tx\t120\twhole\t3\t$0.61\n@bob\tx\t120\twhole\t3\t$0.61\n"
    asked = len(server.asked)
    again = scrape(tmp_path, "alice", "-o", "json", "--max-cost", "0")
    (found,) = json.loads(again.out)
    assert (found["posts"], found["spent"], found["profile"]["name"]) == (120, 0.61, "alice ✨")
    assert len(server.asked) == asked
    assert scrape(tmp_path, "alice", "--refresh").code == 0
    assert server.asked[-1].query["since_id"] == server.posts["alice"][0]["id"]


@pytest.mark.slow
def test_one_account_s_own_exit_code_is_passed_on(
    server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ran = scrape(tmp_path, "nobody")
    assert (ran.code, ran.out) == (66, "@nobody\tx\t0\tnot there\t0\t-\n")
    assert "error: X knows no @nobody" in capfd.readouterr().err
    server.fault = lambda what, number: Fault(402) if what == "posts" and number == 2 else None
    assert scrape(tmp_path, "alice").code == 69
    ran = scrape(tmp_path, "alice", "nobody")
    assert (ran.code, ran.out.splitlines()[0]) == (1, "@alice\tx\t120\twhole\t3\t$0.61")


def test_too_dear_is_1_and_nothing_is_asked(server: Server, tmp_path: Path) -> None:
    ran = scrape(tmp_path, "alice", "--max-cost", "3")
    assert ran.code == 1
    assert "posts of @alice cost up to $16.01 at X; that is above --max-cost 3, so nothing was asked" in ran.err
    assert server.asked == []


@pytest.mark.slow
def test_a_batch_file(server: Server, tmp_path: Path) -> None:
    factories.write_posts(tmp_path / "carol.jsonl", ["a"])
    text = "defaults: {source: x}\ngroups: [alice+bob, {handles: [alice, carol], posts: {carol: carol.jsonl}}]\n"
    (tmp_path / "bots.yaml").write_text(text)
    assert scrape(tmp_path, "-f", str(tmp_path / "bots.yaml")).out.count("whole") == 2
    assert {question.handle for question in server.asked} == {"alice", "bob"}


def test_a_batch_of_files_has_nobody_to_ask(tmp_path: Path) -> None:
    factories.write_posts(tmp_path / "carol.jsonl", ["a"])
    (tmp_path / "bots.yaml").write_text("groups: [{handles: [carol], posts: carol.jsonl}]\n")
    ran = scrape(tmp_path, "-f", str(tmp_path / "bots.yaml"))
    assert (ran.code, "there is nobody to ask" in ran.err) == (2, True)


@pytest.mark.slow
def test_bots_made_with_posts_that_are_gone_are_named(server: Server, tmp_path: Path) -> None:
    scrape(tmp_path, "alice")
    pointer = {"run": "r", "handles": ["Alice", "bob"], "base_model": "tiny", "bits_per_byte": None, "published": ""}
    (tmp_path / "store/bots/alice-bob/runs/r").mkdir(parents=True)
    (tmp_path / "store/bots/alice-bob/runs/r/config.json").write_text('{"asked": {"source": "x"}}')
    (tmp_path / "store/bots/alice-bob/latest.json").write_text(json.dumps(pointer))
    server.posts["alice"] = server.posts["alice"][60:]
    server.posts["alice"][-1]["created_at"] = "2020-01-01T00:00:00.000Z"  # the oldest: what is missing came later
    ran = scrape(tmp_path, "alice", "--anew")
    assert "@alice\tx\t60\twhole" in ran.out
    assert "bot alice-bob was made with posts of @alice that were taken back (60 of its posts were" in ran.err
    server.fault = lambda what, number: Fault(404, {"errors": [problem("resource-not-found", "no such user")]})
    ran = scrape(tmp_path, "alice", "--refresh")
    assert (ran.code, ran.out) == (66, "@alice\tx\t0\tgone\t5\t$0.92\n")
    ran = htctl("bots", "--store", str(tmp_path / "store"))
    assert "alice-bob was made with posts that were taken back since: @alice: 60 of its posts were" in ran.err
