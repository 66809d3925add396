import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.settings import Clean
from pipeline.sources import jsonl
from pipeline.text import cleaning
from pipeline.text.cleaning import Drop
from tests import factories

SEGMENTED, ORIGINAL = Clean(), Clean(rules="original")


def cleaned(text: str, config: Clean = SEGMENTED) -> Any:
    return cleaning.clean(factories.post(text), cleaning.rules(config))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Grok is number one https://t.co/i7qEaXJ0ep", "Grok is number one"),
        ("https://t.co/abc at the very start", "at the very start"),
        ("two\nlines   and  spaces", "two lines and spaces"),
        ("salt &amp; pepper &lt;3 always", "salt & pepper <3 always"),
        ("written as &amp;lt;b&amp;gt; in code", "written as &lt;b&gt; in code"),
        ("she said &quot;no way&quot; again", 'she said "no way" again'),
        ("@alice I think so #yes indeed", "@alice I think so #yes indeed"),
        ("a nul \x00 and a bell \x07 in it", "a nul and a bell in it"),
        ("AT&T &notes from the field &copy;", "AT&T &notes from the field &copy;"),
        ("今日はhttps://t.co/abcとても楽しかったです", "今日は とても楽しかったです"),
        ("a literal <|endoftext|> stays text", "a literal <|endoftext|> stays text"),
        ("שלום לכולם מה שלומכם", "שלום לכולם מה שלומכם"),
    ],
)
def test_kept_text(text: str, kept: str) -> None:
    assert cleaned(text) == kept


@pytest.mark.parametrize(
    ("text", "detail"),
    [("two words", "2 of 3 words"), ("@a @b @c @d", "0 of 3 words"), ("https://t.co/a https://t.co/b", "0 of 3 words")],
)
def test_short_posts_are_dropped_with_what_was_counted(text: str, detail: str) -> None:
    assert cleaned(text) == Drop("short", detail)


def test_retweets_are_dropped_before_anything_else() -> None:
    retweet = factories.post("RT @alice: a long enough text", retweet=True)
    assert cleaning.clean(retweet, cleaning.rules(SEGMENTED)) == Drop("retweet", "a retweet")


def test_japanese_is_short_by_spaces_only() -> None:
    text = "今日はとても楽しかったです"
    assert cleaned(text) == text
    assert cleaned(text, ORIGINAL) == Drop("short", "1 of 3 words")


def test_the_original_s_entity_order_is_kept_by_name() -> None:
    assert cleaned("written as &amp;lt;b&amp;gt; in code", ORIGINAL) == "written as <b> in code"
    assert cleaned("she said &quot;no way&quot; again", ORIGINAL) == "she said &quot;no way&quot; again"


SPACES = " \t\n\r\f\v\x1c-\x1f\x85\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def recipe(posts: list[dict[str, Any]]) -> tuple[int, int, list[str]]:
    """Facts of the original recipe, written a second time and otherwise: (retweets, short, kept texts)."""
    kept, retweets, short = [], 0, 0
    for post in posts:
        if any(reference["type"] == "retweeted" for reference in post.get("referenced_tweets", [])):
            retweets += 1
            continue
        text = post["text"]
        for entity, letter in (("amp", "&"), ("lt", "<"), ("gt", ">")):
            text = letter.join(text.split(f"&{entity};"))
        for scheme in ("http", "https"):
            for before, after in ((" ", ""), ("", " "), ("\n", " "), ("\n", ""), ("", "")):
                text = re.sub(f"{before}{scheme}:[^{SPACES}]+{after}", "", text)
        words = re.findall(r"\S+", text)
        telling = [word for word in words if not re.search("http|@|#", word.lower())]
        if len(telling) < 3:
            short += 1
        else:
            kept.append(" ".join(words))
    return retweets, short, kept


@pytest.mark.parametrize("year", ["2017", "2025"])
def test_the_original_rule_gives_the_original_s_counts_on_real_posts(shared: Path, year: str) -> None:
    agrees(shared / "data" / f"elonmusk-{year}.jsonl")


@pytest.mark.parametrize("handle", ["harbourlamp", "nightdough"])
def test_the_original_rule_gives_the_original_s_counts_on_the_examples(handle: str) -> None:
    agrees(Path(__file__).parents[3] / "examples" / "posts" / f"{handle}.jsonl.gz")


def agrees(path: Path) -> None:
    """Our rule and the second implementation drop and keep the same posts, and make the same text of them."""
    data = path.read_bytes()
    lines = gzip.decompress(data) if path.suffix == ".gz" else data
    retweets, short, kept = recipe([json.loads(line) for line in lines.splitlines()])
    rules = cleaning.rules(ORIGINAL)
    results = [cleaning.clean(post, rules) for post in jsonl.read(path, path.name)]
    dropped = [result.reason for result in results if isinstance(result, Drop)]
    assert (dropped.count("retweet"), dropped.count("short")) == (retweets, short)
    assert [result for result in results if isinstance(result, str)] == kept
    assert len(results) - retweets - short == len(kept) > 500
