from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import TooFewPostsError
from pipeline.posts import read_lines
from pipeline.stages import clean, scrape
from tests import factories
from tests.pipeline import contexts

MIXED = [*factories.sentences(10), "RT @bob: somebody else's words here", "ha", "https://t.co/x"]


def cleaned(folder: Path, texts: dict[str, list[str]], **settings: Any) -> tuple[Any, dict[str, Any]]:
    context = contexts.make(folder, texts, **{"clean": {"min_characters": 10}, **settings})
    scrape.run(context)
    return context, clean.run(context)


def test_downloaded_less_retweets_less_short_is_kept(tmp_path: Path) -> None:
    context, result = cleaned(tmp_path, {"Alice": MIXED})
    found = result["handles"]["Alice"]
    assert (found["downloaded"], found["retweets"], found["short"], found["kept"]) == (13, 1, 2, 10)
    kept = [record["text"] for record in read_lines(context.local(context.keys.posts("alice.kept.jsonl.gz")))]
    assert kept == factories.sentences(10)
    assert found["characters"] == len("<|endoftext|>".join(kept))


def test_every_dropped_post_is_kept_aside_with_its_reason(tmp_path: Path) -> None:
    context, _ = cleaned(tmp_path, {"alice": MIXED})
    dropped = list(read_lines(context.local(context.keys.posts("alice.dropped.jsonl.gz"))))
    assert [(record["reason"], record["detail"], record["text"]) for record in dropped] == [
        ("retweet", "a retweet", "RT @bob: somebody else's words here"),
        ("short", "1 of 3 words", "ha"),
        ("short", "0 of 3 words", "https://t.co/x"),
    ]


def test_each_handle_must_have_enough(tmp_path: Path) -> None:
    texts = {"alice": factories.sentences(200), "bob": factories.sentences(3)}
    with pytest.raises(TooFewPostsError) as caught:
        cleaned(tmp_path, texts, clean={"min_characters": 1000})
    assert str(caught.value).startswith("@bob: too few posts")
    assert "= 3 kept" in str(caught.value)


def test_the_recipe_s_measure_decides_to_the_character(tmp_path: Path) -> None:
    posts = ["one two three", "four five six"]
    exact = len("<|endoftext|>".join(posts))
    cleaned(tmp_path / "enough", {"alice": posts}, clean={"min_characters": exact})
    with pytest.raises(TooFewPostsError):
        cleaned(tmp_path / "short", {"alice": posts}, clean={"min_characters": exact + 1})


def test_little_text_is_warned_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cleaned(tmp_path, {"alice": factories.sentences(20)})
    assert "warning: @alice has" in capsys.readouterr().err
    cleaned(tmp_path / "more", {"alice": factories.sentences(20)}, clean={"min_characters": 10, "warn_characters": 100})
    assert "warning" not in capsys.readouterr().err


def test_each_handle_of_a_cyborg_has_its_say_in_the_languages(tmp_path: Path) -> None:
    japanese = [f"今日はとても楽しかったです。また行きたいな{i}" for i in range(1500)]
    texts = {"alice": [f"the weather in {i} is lovely" for i in range(2500)], "bob": japanese}
    assert sorted(cleaned(tmp_path, texts)[1]["languages"]) == ["en", "ja"]


def test_the_languages_are_found(tmp_path: Path) -> None:
    posts = ["今日はとても楽しかったです。また行きたいな", "昨日は雨がたくさん降りましたね、本当に"] * 3
    assert cleaned(tmp_path, {"alice": posts})[1]["languages"] == ["ja"]


@pytest.mark.parametrize(
    ("texts", "counts"),
    [
        (["only one post of some words"], "1 posts - 0 retweets - 0 short = 1 kept"),
        (["RT @bob: some words"] * 3, "3 posts - 3 retweets - 0 short = 0 kept"),
        (["ha", "👩‍👩‍👧 🇯🇵", "@a #b https://t.co/c", "\x00\x00", ""], "5 posts - 0 retweets - 5 short = 0 kept"),
    ],
)
def test_too_few_posts_are_told_with_their_counts(tmp_path: Path, texts: list[str], counts: str) -> None:
    with pytest.raises(TooFewPostsError, match=f"@alice: too few posts to train on: {counts}"):
        cleaned(tmp_path, {"alice": texts}, clean={})


def test_no_posts_at_all_are_told_so(tmp_path: Path) -> None:
    with pytest.raises(TooFewPostsError, match=r"^@alice: there are no posts to train on$"):
        cleaned(tmp_path, {"alice": []}, clean={})
