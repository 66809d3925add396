"""Posts of any Unicode and form, in pages cut anywhere: no stage raises, no post is lost, the cut does not matter."""

import dataclasses
import itertools
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import fetching
from pipeline.accounts import Profile
from pipeline.errors import TooFewPostsError
from pipeline.posts import read_lines, read_posts
from pipeline.progress import Report
from pipeline.sources.x import X
from pipeline.stage import Context
from pipeline.stages import clean, dataset, scrape
from pipeline.store.objects import to_bytes
from pipeline.terms import Terms
from tests import factories
from tests.pipeline import contexts

pytestmark = pytest.mark.slow
NASTY = [
    "RT @a: ",
    "<|endoftext|>",
    "&amp;lt;",
    "https://t.co/a",
    "\u202e",
    "\u200d",
    "\ud83d",
    "\x00",
    "\u2028",
    "ไทย",
    "#",
    "@",
]
NASTY += ["日本語の文章", "سلام", "👩‍👩‍👧‍👦", "e\u0301" * 20, "\ufeff", "\r\n", "\u0c1c\u0c4d\u0c1e\u200c\u0c3e"]
ANY = st.text(st.characters(exclude_categories=()), max_size=40)
TEXT = st.lists(st.one_of(ANY, st.sampled_from(NASTY), st.sampled_from(["three plain words "])), max_size=6).map(
    "".join
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY, lambda inner: st.lists(inner, max_size=2), max_leaves=4
)
KINDS = st.sampled_from(["retweeted", "quoted", "replied_to"])
OPTIONAL = {
    "created_at": st.one_of(st.just("2024-05-01T00:00:00.000Z"), JSON),
    "lang": JSON,
    "note_tweet": st.one_of(st.fixed_dictionaries({"text": TEXT}), JSON),
    "note_post": st.one_of(st.fixed_dictionaries({"text": TEXT}), JSON),
    "referenced_tweets": st.one_of(
        st.lists(st.fixed_dictionaries({"type": KINDS, "id": st.just("1")}), max_size=2), JSON
    ),
    "referenced_posts": JSON,
}
POST = st.fixed_dictionaries({"id": st.integers(1, 60).map(str), "text": TEXT}, optional=OPTIONAL)
ITEMS = st.lists(st.one_of(POST, POST, POST, JSON, st.fixed_dictionaries({"id": st.just("7")})), max_size=30)
CUTS = st.lists(st.integers(0, 30), max_size=6)
SETTINGS = factories.small_settings() | {"clean": {"min_characters": 0, "warn_characters": 0}, "source": "x"}


class Given(X):
    """X as it would answer with these items, in pages that end at the cuts."""

    def __init__(self, items: list[Any], cuts: list[int]) -> None:
        super().__init__("")
        bounds = sorted({0, len(items), *(cut for cut in cuts if cut < len(items))})
        self.pages = [items[begin:end] for begin, end in itertools.pairwise(bounds)] or [[]]

    def look_up(self, handle: str) -> bytes:
        return json.dumps({"data": {"id": "1", "username": handle, "name": "\ud800"}}).encode()

    def page(self, profile: Profile, cursor: str, newer_than: str) -> bytes:
        number = int(cursor.split(" ")[0] or 0)
        meta = {"next_token": str(number + 1)} if number + 1 < len(self.pages) else {}
        return json.dumps({"data": self.pages[number], "meta": meta}).encode()


def scraped(folder: Path, items: list[Any], cuts: list[int]) -> tuple[Context, dict[str, Any]]:
    made = contexts.make(folder, {}, **SETTINGS)
    context = dataclasses.replace(made, config=dataclasses.replace(made.config, handles=("alice",)))
    fetching.fetch(Given(items, cuts), "alice", context.store, Terms(), Report())
    result = scrape.run(context)
    to_bytes(result).decode()  # it becomes a marker
    return context, result


def different(items: list[Any]) -> int:
    """How many posts there are where each id counts once, and what has none every time."""
    ids = [item.get("id") if isinstance(item, dict) else None for item in items]
    return len({name for name in ids if name}) + sum(1 for name in ids if not name)


@settings(suppress_health_check=list(HealthCheck))
@given(ITEMS, CUTS, CUTS)
def test_nothing_is_lost_and_the_cut_does_not_matter(items: list[Any], one: list[int], other: list[int]) -> None:
    with tempfile.TemporaryDirectory() as name:
        seen = []
        for folder, cuts in ((Path(name, "one"), one), (Path(name, "other"), other)):
            context, result = scraped(folder, items, cuts)
            assert result["handles"]["alice"]["downloaded"] == different(items)
            assert len(list(read_posts(context.local(context.keys.posts("alice.jsonl.gz"))))) == different(items)
            try:
                counts = clean.run(context)["handles"]["alice"]
            except TooFewPostsError:
                counts = None
            else:
                assert counts["downloaded"] - counts["retweets"] - counts["short"] == counts["kept"]
                assert counts["downloaded"] == different(items)
            kept = list(read_lines(context.local(context.keys.posts("alice.kept.jsonl.gz"))))
            dropped = list(read_lines(context.local(context.keys.posts("alice.dropped.jsonl.gz"))))
            assert len(kept) + len(dropped) == different(items)
            seen.append((result["fingerprint"], counts, kept, dropped))
        assert seen[0] == seen[1]


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(st.lists(POST, min_size=1, max_size=30), CUTS)
def test_every_kept_post_is_in_one_part_of_the_dataset(items: list[Any], cuts: list[int]) -> None:
    sound = [{"id": str(100 + number), "text": text} for number, text in enumerate(factories.sentences(60))]
    with tempfile.TemporaryDirectory() as name:
        context, _ = scraped(Path(name), [*sound, *items], cuts)
        kept = clean.run(context)["handles"]["alice"]["kept"]
        result = dataset.run(context)
        assert sum(result[part]["posts"] for part in dataset.PARTS) == kept >= 60
        texts = [post["text"] for post in read_lines(context.local(context.keys.posts("alice.kept.jsonl.gz")))]
        parts = [read_lines(context.local(context.keys.dataset(f"{part}.jsonl.gz"))) for part in dataset.PARTS]
        assert sorted(post["text"] for post in itertools.chain(*parts)) == sorted(texts)
