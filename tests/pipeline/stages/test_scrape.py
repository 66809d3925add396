import json
from pathlib import Path

import pytest

from htctl import postsfiles
from pipeline.errors import ConfigError
from pipeline.posts import read_posts
from pipeline.stages import scrape
from tests import factories
from tests.pipeline import contexts


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
            with pytest.raises(ConfigError, match=r"alice.jsonl \(posts of @alice\), line 2: not JSON .*--skip-bad"):
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
