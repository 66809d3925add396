import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from htctl import postsfiles
from pipeline import scraping
from pipeline.errors import ConfigError, LeaseLostError
from pipeline.posts import read_posts
from pipeline.stage import Context
from pipeline.stages import scrape
from pipeline.store.fenced import FencedStore
from pipeline.store.folder import FolderStore
from tests import blueskyserver, factories, mastodonserver, socialserver, xserver
from tests.pipeline import contexts
from tests.xserver import Server


def test_posts_are_frozen_in_the_run_as_they_came(tmp_path: Path) -> None:
    context = contexts.make(tmp_path, {"Alice": ["one &amp; only", "RT @bob: two"]})
    result = scrape.run(context)
    frozen = list(read_posts(context.local(context.keys.posts("alice.jsonl.gz"))))
    assert [(post.text, post.retweet) for post in frozen] == [("one &amp; only", False), ("RT @bob: two", True)]
    assert result["handles"]["Alice"]["downloaded"] == 2


def test_a_post_that_comes_twice_is_taken_once(tmp_path: Path) -> None:
    lines = [{"id": "1", "text": "a"}, {"id": "2", "text": "b"}, {"id": "1", "text": "a"}, {"text": "c"}, {"text": "c"}]
    path = tmp_path / "posts.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    context = contexts.make(tmp_path, {"alice": ["replaced below"]})
    source = Path(context.store.address) / f"posts/file/{context.config.posts['alice']}/data"
    source.write_bytes(path.read_bytes())
    found = scrape.run(context)["handles"]["alice"]
    assert (found["downloaded"], found["duplicates"]) == (4, 1)


def test_the_span_of_the_posts_is_told(tmp_path: Path) -> None:
    context = contexts.make(tmp_path, {"alice": []})
    source = Path(context.store.address) / f"posts/file/{context.config.posts['alice']}/data"
    times = ["2024-05-01T00:00:00Z", "2023-01-31T12:00:00Z", "", "2025-12-31T23:59:59Z"]
    source.write_text("\n".join(json.dumps({"text": "x", "created_at": time}) for time in times))
    found = scrape.run(context)["handles"]["alice"]
    assert (found["oldest"], found["newest"]) == ("2023-01-31T12:00:00Z", "2025-12-31T23:59:59Z")


def test_the_fingerprint_is_the_posts(tmp_path: Path) -> None:
    texts = {"alice": factories.sentences(3), "bob": factories.sentences(4)}
    one = scrape.run(contexts.make(tmp_path / "one", texts))["fingerprint"]
    same = scrape.run(contexts.make(tmp_path / "same", dict(reversed(texts.items()))))["fingerprint"]
    other = scrape.run(contexts.make(tmp_path / "other", {**texts, "bob": factories.sentences(5)}))["fingerprint"]
    assert one == same != other


def test_bad_lines_end_the_run_or_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = '{"text": "a"}\nbroken\n{"text": "b"}\n{"id": "1"}\n'
    for skip_bad in (False, True):
        context = contexts.make(tmp_path / str(skip_bad), {"alice": []}, skip_bad=skip_bad)
        source = Path(context.store.address) / f"posts/file/{context.config.posts['alice']}/data"
        source.write_text(content)
        if skip_bad:
            found = scrape.run(context)["handles"]["alice"]
            assert (found["downloaded"], found["skipped"]) == (2, 2)
            assert (
                "scrape: @alice: 2 posts from alice.jsonl, 2 bad lines skipped (lines 2, 4)\n"
                in capsys.readouterr().err
            )
        else:
            with pytest.raises(ConfigError, match=r"alice.jsonl \(posts of @alice\), line 2: not JSON; .*--skip-bad"):
                scrape.run(context)


def test_a_post_in_two_parts_of_an_archive_is_taken_once(tmp_path: Path) -> None:
    items = [factories.tweet(text, id_str=str(number)) for number, text in enumerate(factories.sentences(5))]
    parts: dict[str, str | bytes] = {
        "data/tweets.js": factories.assignment(items[:3]),
        "data/tweets-part1.js": factories.assignment(items[2:]),
    }
    context = contexts.make(tmp_path, {"alice": []}, source="archive")
    path = factories.write_archive(tmp_path / "a.zip", parts)
    context.config.posts["alice"] = postsfiles.keep(context.store, path, "alice")
    found = scrape.run(context)["handles"]["alice"]
    assert (found["downloaded"], found["duplicates"]) == (5, 1)


def test_a_handle_without_posts_file_is_refused(tmp_path: Path) -> None:
    context = contexts.make(tmp_path, {"alice": ["a"]})
    context.config.posts.clear()
    with pytest.raises(ConfigError, match="@alice: source 'jsonl' needs a posts file"):
        scrape.run(context)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with xserver.running() as running:
        running.account("alice", xserver.posts(250))
        monkeypatch.setenv("X_BEARER_TOKEN", xserver.TOKEN)
        monkeypatch.setenv("HTCTL_X_API", running.url)
        yield running


def of_x(folder: Path, *handles: str, store: str = "", **settings: Any) -> Context:
    """A context whose posts are asked of X."""
    context = contexts.make(folder, {}, source="x")
    config = factories.run_config(store=store or context.store.address, handles=list(handles), source="x", **settings)
    opened = FolderStore(Path(store)) if store else context.store
    return dataclasses.replace(context, config=config, store=opened)


def test_x_is_asked_and_tells_who_it_is(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    context = of_x(tmp_path, "Alice")
    found = scrape.run(context)["handles"]["Alice"]
    assert (found["downloaded"], found["duplicates"], found["skipped"]) == (250, 0, 0)
    assert (found["name"], found["avatar"]) == ("alice ✨", "https://pbs.example/alice_normal.jpg")
    assert (found["requests"], found["spent"], found["followers"]) == (4, 1.26, 7)
    assert found["oldest"] < found["newest"]
    frozen = list(read_posts(context.local(context.keys.posts("alice.jsonl.gz"))))
    assert [post.id for post in frozen] == [post["id"] for post in server.posts["alice"]]
    assert "scrape: @Alice: 250 posts from x, $1.26 spent on it in all\n" in capsys.readouterr().err


def test_the_fingerprint_is_the_posts_not_how_they_came(server: Server, tmp_path: Path) -> None:
    whole = scrape.run(of_x(tmp_path / "whole", "alice"))["fingerprint"]
    posts = server.posts["alice"]
    server.posts["alice"] = posts[37:]
    parts = of_x(tmp_path / "parts", "alice")
    before = scrape.run(parts)["fingerprint"]
    server.posts["alice"] = posts
    server.users["alice"]["name"] = "another"
    assert scrape.run(parts)["fingerprint"] == before != whole
    posts[36] |= {"text": "what it said before was another thing"}
    scraping.main(["--source", "x", "--store", parts.store.address, "--refresh", "alice"])
    assert scrape.run(parts)["fingerprint"] not in (before, whole)
    assert scrape.run(of_x(tmp_path / "again", "alice"))["fingerprint"] == scrape.run(parts)["fingerprint"]


def test_another_run_of_the_same_handle_asks_nothing(server: Server, tmp_path: Path) -> None:
    first = of_x(tmp_path / "one", "alice")
    scrape.run(first)
    asked = len(server.asked)
    scrape.run(of_x(tmp_path / "two", "alice", store=first.store.address, batch="other"))
    assert len(server.asked) == asked


def test_one_of_x_and_one_of_a_file(server: Server, tmp_path: Path) -> None:
    filed = contexts.make(tmp_path / "filed", {"bob": ["a", "b"]}).config
    context = of_x(tmp_path / "x", "alice", "bob", store=filed.store, posts=filed.posts)
    found = scrape.run(context)["handles"]
    assert (found["alice"]["downloaded"], found["bob"]["downloaded"]) == (250, 2)


def test_a_run_that_lost_its_lease_leaves_the_account_alone(server: Server, tmp_path: Path) -> None:
    context = of_x(tmp_path, "alice")

    def lost() -> None:
        raise LeaseLostError("taken over")

    fenced = dataclasses.replace(context, store=FencedStore(context.store, lost))
    with pytest.raises(LeaseLostError):
        scrape.run(fenced)
    assert context.store.exists("posts/x/alice/index.json")
    assert not context.store.exists(context.keys.posts("alice.jsonl.gz"))


def test_a_cyborg_of_accounts_at_three_sources(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("alice", "alice.example", "alice@social.example")
    sources = {names[1]: "bluesky", names[2]: "mastodon"}
    with (
        socialserver.running(blueskyserver.BlueskyServer()) as bluesky,
        socialserver.running(mastodonserver.MastodonServer()) as mastodon,
    ):
        bluesky.account("alice.example", blueskyserver.feed(120))
        mastodon.account("alice", mastodonserver.statuses(90))
        monkeypatch.setenv("HTCTL_BLUESKY_API", bluesky.url)
        monkeypatch.setenv("HTCTL_MASTODON_API", mastodon.url)
        context = of_x(tmp_path, *names, sources=sources)
        found = scrape.run(context)
        assert [found["handles"][name]["downloaded"] for name in names] == [250, 120, 90]
        assert [found["handles"][name]["spent"] for name in names] == [1.26, 0, 0]
        assert found["handles"][names[1]]["name"] == "Alice ✨"
        asked = (len(server.asked), len(bluesky.asked), len(mastodon.asked))
        assert scrape.run(context) == found
        for source in dict.fromkeys(sources.values()):
            handle = next(name for name in names if sources.get(name) == source)
            arguments = ["--source", source, "--store", context.store.address, "--refresh", handle]
            assert scraping.main(arguments) == 0
        assert (len(server.asked), len(bluesky.asked), len(mastodon.asked)) == (asked[0], asked[1] + 2, asked[2] + 2)
        assert scrape.run(context)["fingerprint"] == found["fingerprint"]
