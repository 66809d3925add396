from collections.abc import Callable
from html.parser import HTMLParser

import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pipeline.cards import escape
from tests.pipeline.cards import nasty

TEXTS = nasty.texts()
WHOLE = [text.replace("\ud83e", "\ufffd") for text in TEXTS]  # half a surrogate pair cannot be written at all
RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
FIVE = [
    "k@",
    "Jeff Dean (@🏡)",
    "Ducky 🐤✨ VTUBER",
    "lovely lovely aerie, 🍭👑🪞🕯️🌙💫🪶🧣🗑️🔪",
    "落合陽一 Yoichi OCHIAI",
    "乙武 洋匡",
]


class Reader(HTMLParser):
    """The tags and the text of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def inline_text(token: Token) -> str:
    """What is read in a piece of Markdown; anything but plain text in it is an error."""
    assert {child.type for child in token.children or []} <= {"text", "text_special"}, token.children
    return "".join(child.content for child in token.children or [])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 日本語 🐤.", "plain words, 日本語 🐤."),
        ("a | b", r"a \| b"),
        ("<script>alert(1)</script>", r"&lt;script&gt;alert\(1\)&lt;/script&gt;"),
        ("[x](http://y)", r"\[x\]\(http&#58;//y\)"),
        ("two\nlines", "two lines"),
        ("# no heading", r"\# no heading"),
        ("---", r"\-\-\-"),
        ("salt & pepper", "salt &amp; pepper"),
        ("h_ototake", r"h\_ototake"),
        ("\u202eturned", "turned"),
        ("2026. What a year", r"2026\. What a year"),
        ("see http://x.y or www.x.y", "see http&#58;//x.y or www&#46;x.y"),
        ("`code` *bold* ~~gone~~", r"\`code\` \*bold\* \~\~gone\~\~"),
        ("me@home.example", "me&#64;home.example"),
    ],
)
def test_strangers_text_is_shown_and_not_obeyed(text: str, shown: str) -> None:
    assert escape.markdown(text) == shown


@pytest.mark.parametrize("rule", [escape.markdown, escape.inline])
def test_a_markdown_table_keeps_its_columns_and_shows_the_very_text(rule: Callable[[str], str]) -> None:
    for text in TEXTS:
        tokens = RENDERER.parse(f"| Data | {rule(text)} |\n| --- | --- |\n| {rule(text)} | 1 |\n\nafter")
        assert [token.type for token in tokens].count("table_open") == 1, text
        cells = [token for token in tokens if token.type == "inline"]
        assert len(cells) == 5, text
        assert [inline_text(cell) for cell in cells[1:3]] == [escape.shown(text)] * 2


def test_a_line_of_markdown_is_one_paragraph_wherever_the_text_stands() -> None:
    for text in filter(escape.shown, TEXTS):
        for line, read in ((escape.markdown(text), ""), (f"From {escape.inline(text)}.", "From ")):
            tokens = RENDERER.parse(f"{line}\n\n## After\n")
            assert [token.tag for token in tokens if token.nesting == 1] == ["p", "h2"], text
            assert inline_text(tokens[1]).startswith(read + escape.shown(text))


def test_html_parses_to_the_very_text() -> None:
    for text in TEXTS:
        read = Reader(f'<p title="{escape.html(text)}">{escape.html(text)}</p>after')
        assert read.tags == [("p", {"title": escape.shown(text)})]
        assert read.text == escape.shown(text) + "after"


def test_yaml_loads_to_the_very_text() -> None:
    for text, whole in zip(TEXTS, WHOLE, strict=True):
        assert yaml.safe_load(f"widget:\n- text: {escape.yaml_text(text)}\nlast: 1") == {
            "widget": [{"text": whole}],
            "last": 1,
        }
        data = {"a": text, "b": [text, {text or "x": 1}]}
        loaded = {"a": whole, "b": [whole, {whole or "x": 1}]}
        assert yaml.safe_load(escape.yaml_block(data)) == loaded


def test_yaml_is_one_line_a_text_ends_no_block_and_turns_no_line() -> None:
    for text in TEXTS:
        block = escape.yaml_block({"a": text, "b": 1})
        assert len(block.splitlines()) == 2
        assert "---" not in block.splitlines()
        assert "\u202e" not in block


def test_what_is_norwegian_to_a_person_is_no_false_to_any_reader() -> None:
    assert escape.yaml_block({"language": ["no", "y", "12e4"]}) == 'language:\n- "no"\n- "y"\n- "12e4"'


@pytest.mark.parametrize("name", FIVE)
def test_names_of_the_original_cards_stay_as_they_are(name: str) -> None:
    assert escape.html(name) == escape.shown(name) == name
    assert escape.inline(name) == name


@pytest.mark.parametrize(
    ("handle", "written"), [("h_ototake-hirox246", "h_ototake-hirox246"), ("_bob_", r"\_bob\_"), ("a__b", r"a\_\_b")]
)
def test_an_underscore_is_escaped_only_where_it_could_be_emphasis(handle: str, written: str) -> None:
    assert escape.inline(handle) == written


def test_a_url_ends_nothing_that_it_stands_in() -> None:
    for text in TEXTS:
        address = escape.url(f"https://x.example/{text}.jpg")
        assert not set(address) & set("'\"<>()[]\\`| \n{}")
        read = Reader(f"""<div style="background-image: url('{escape.html(address)}')">x</div>""")
        assert [tag for tag, _ in read.tags] == ["div"]
        assert read.text == "x"


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "//x.y", "", "http://", "file:///etc"])
def test_only_web_addresses_pass(address: str) -> None:
    assert escape.url(address) == ""


def test_a_sound_url_is_not_touched() -> None:
    address = "https://pbs.twimg.com/profile_images/1350536243625529347/FofFsp0z_400x400.jpg?raw=true&x=%20"
    assert escape.url(address) == address
