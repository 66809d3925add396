from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pipeline.sources import facets, plain
from tests.pipeline.sources.test_plain import PLAIN, cleaned

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 60) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def link(begin: Any, end: Any, uri: Any = "https://example.com/long") -> dict[str, Any]:
    feature = {"$type": "app.bsky.richtext.facet#link", "uri": uri}
    return {"index": {"byteStart": begin, "byteEnd": end}, "features": [feature]}


def facet_over(text: str, part: str, uri: str) -> dict[str, Any]:
    begin = len(text[: text.index(part)].encode())
    return link(begin, begin + len(part.encode()), uri)


def test_a_shortened_link_becomes_the_real_one_behind_letters_of_any_size() -> None:
    text = "héllo 👩‍👩‍👧 日本 example.com/ve... そして @bo.example #tea"
    mention = {"index": {"byteStart": 0, "byteEnd": 3}, "features": [{"did": "did:plc:x"}, {"tag": "tea"}]}
    found = facets.text(
        {"text": text, "facets": [mention, facet_over(text, "example.com/ve...", "https://example.com/very")]}
    )
    assert found == "héllo 👩‍👩‍👧 日本 https://example.com/very そして @bo.example #tea"


def test_links_in_any_order_and_words_that_are_links() -> None:
    text = "a.com then my shop"
    given = [facet_over(text, "my shop", "https://b.com"), facet_over(text, "a.com", "https://a.com/x")]
    assert facets.text({"text": text, "facets": given}) == "https://a.com/x then my shop https://b.com"


@pytest.mark.parametrize(
    "facet",
    [
        link(1, 3),
        link(1, 2),
        link(2, 4),
        link(-3, 2),
        link(2, 99),
        link(3, 3),
        link(5, 4),
        link("0", "2"),
        link(True, 2),
        link(0, 2, ""),
        link(0, 2, 5),
        link(0, 2, "at://x"),
        {},
        None,
        7,
        {"index": 1},
        {"index": {"byteStart": 0}},
    ],
)
def test_a_facet_that_cannot_be_is_passed_over(facet: Any) -> None:
    assert facets.text({"text": "é日本語", "facets": [facet]}) == "é日本語"


def test_of_two_facets_over_the_same_letters_one_counts() -> None:
    given = [link(0, 5, "https://a.com"), link(2, 6, "https://b.com"), link(0, 5, "https://c.com")]
    assert facets.text({"text": "a.com!", "facets": given}) == "https://a.com!"


@pytest.mark.parametrize(
    "record", [{}, {"text": None}, {"text": 5, "facets": "x"}, {"text": "", "facets": [link(0, 0)]}]
)
def test_a_record_without_text(record: dict[str, Any]) -> None:
    assert facets.text(record) == ""


@given(st.text(max_size=30), st.lists(JSON | st.builds(link, JSON, JSON, JSON | st.just("https://a.com")), max_size=4))
def test_no_facet_is_too_strange(text: str, given: list[Any]) -> None:
    facets.text({"text": text, "facets": given}).encode()


@given(PLAIN, PLAIN, PLAIN, st.text(max_size=20))
def test_what_is_beside_a_link_is_kept_to_the_letter(before: str, label: str, after: str, path: str) -> None:
    """Whatever letters of one to four bytes stand before it."""
    before, label, after = plain.sound(before), f"a.com/{plain.sound(label)}", plain.sound(after)
    begin = len(before.encode())
    given = link(begin, begin + len(label.encode()), f"https://a.com/{label}/{path}")
    found = cleaned(facets.text({"text": before + label + after, "facets": [given]}))
    assert letters(found).startswith(letters(cleaned(plain.assemble([plain.Piece(before)]))))
    assert letters(found).endswith(letters(cleaned(plain.assemble([plain.Piece(after)]))))


def letters(text: str) -> str:
    return "".join(letter for letter in text if letter.isalnum())
