import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from pipeline.sources import plain
from pipeline.sources.plain import Piece
from pipeline.text import cleaning
from tests import factories

ENTITY_LIKE = st.lists(st.sampled_from(["&", "amp;", "lt;", "&gt;", "#39;", "#x27;", "a", " ", "&&"])).map("".join)
PLAIN = (st.text(max_size=40) | ENTITY_LIKE).map(lambda text: text.replace("http", "h"))


def cleaned(text: str) -> str:
    """What is trained on, but for the rules that drop."""
    for rule in (cleaning.sound_text, cleaning.entities, cleaning.links, cleaning.join_lines):
        text = str(rule(factories.post(), text))
    return text


@given(st.lists(PLAIN, max_size=5))
@example(["&", "\x1b", "amp;"])
def test_cleaning_makes_what_was_written_however_it_was_cut(parts: list[str]) -> None:
    whole = "".join(parts)
    assert plain.assemble([Piece(part) for part in parts]).count("\ud800") == 0
    expected = str(cleaning.sound_text(factories.post(), plain.sound(whole)))
    assert cleaned(plain.assemble([Piece(part) for part in parts])) == " ".join(expected.split())


@given(st.lists(st.tuples(PLAIN, st.text(max_size=20)), max_size=4), PLAIN)
def test_of_a_link_nothing_is_left_and_beside_it_nothing_is_lost(links: list[tuple[str, str]], end: str) -> None:
    pieces = [p for text, path in links for p in (Piece(text), Piece("", f"https://a.example/{path}"))]
    found = cleaned(plain.assemble([*pieces, Piece(end)]))
    expected = cleaned(plain.assemble([Piece(" ".join([*(text for text, _ in links), end]))]))
    words = [letter for letter in expected if letter.isalnum()]
    assert [letter for letter in found if letter.isalnum()] == words
    assert "a.example" not in found


@pytest.mark.parametrize(
    ("label", "url", "shown"),
    [
        ("example.com/a/ver...", "https://example.com/a/very/long", "https://example.com/a/very/long"),
        ("example.com/a/ver…", "https://www.example.com/a/very/long", "https://www.example.com/a/very/long"),
        ("https://example.com/", "https://example.com", "https://example.com"),
        ("Example.com", "HTTPS://example.COM/x", "HTTPS://example.COM/x"),
        ("example.com/日本", "https://example.com/%E6%97%A5%E6%9C%AC", "https://example.com/%E6%97%A5%E6%9C%AC"),
        ("", "https://example.com/日本 x", "https://example.com/%E6%97%A5%E6%9C%AC%20x"),
        ("my shop", "https://example.com", "my shop https://example.com"),
        ("example", "https://example.com", "example https://example.com"),
        ("other.com", "https://example.com", "other.com https://example.com"),
        ("write me", "mailto:me@example.com", "write me"),
        ("this", "javascript:alert(1)", "this"),
    ],
)
def test_a_link_is_its_url_and_what_it_says_besides(label: str, url: str, shown: str) -> None:
    assert plain.assemble([Piece(label, url)]) == shown


def test_a_word_right_behind_a_link_is_kept_and_a_full_stop_is_not_set_off() -> None:
    link = Piece("", "https://a.com")
    assert plain.assemble([Piece("see "), link, Piece(".")]) == "see https://a.com."
    assert plain.assemble([link, Piece("'s fine")]) == "https://a.com 's fine"
    assert plain.assemble([link, link]) == "https://a.com https://a.com"
    assert plain.assemble([link, Piece("です")]) == "https://a.comです"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("2023-04-05T06:07:08.123Z", "2023-04-05T06:07:08.123Z"),
        ("2023-04-05T06:07:08.123456789Z", "2023-04-05T06:07:08.123Z"),
        ("2023-04-05T06:07:08+09:00", "2023-04-04T21:07:08.000Z"),
        ("2023-04-05", "2023-04-05T00:00:00.000Z"),
        ("0001-01-01T00:00:00+09:00", ""),
        ("yesterday", ""),
        ("", ""),
        (None, ""),
        (20230405, ""),
    ],
)
def test_moments(given: object, found: str) -> None:
    assert plain.moment(given) == found


@pytest.mark.parametrize(("given", "found"), [(5, 5), (0, 0), (-1, None), (True, None), ("5", None), (None, None)])
def test_counts(given: object, found: int | None) -> None:
    assert plain.count(given) == found
