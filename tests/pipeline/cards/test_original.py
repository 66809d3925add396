import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from pipeline.cards import TEMPLATES, escape, hub, original
from pipeline.errors import ConfigError
from pipeline.settings import CARDS
from tests.pipeline.cards import nasty, runs

GOLDEN = Path(__file__).parent / "golden"
FIVE = ["abkazias", "h_ototake-hirox246-ochyai", "jeffdean", "plesmasquerade", "uppityducky"]
RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def data(name: str = "uppityducky") -> dict[str, Any]:
    return dict(json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8")))


def written(given: dict[str, Any]) -> str:
    return original.write(original.parse(json.dumps(given), "card.json"))


@pytest.mark.parametrize("name", FIVE)
def test_each_of_the_five_cards_comes_out_to_the_byte(name: str) -> None:
    text = (GOLDEN / f"{name}.json").read_text(encoding="utf-8")
    assert original.write(original.parse(text, name)).encode() == (GOLDEN / f"{name}.md").read_bytes()


@pytest.mark.parametrize("name", FIVE)
def test_the_hub_takes_what_the_original_wrote(name: str) -> None:
    assert hub.check((GOLDEN / f"{name}.md").read_text(encoding="utf-8")) == []


def test_every_template_can_be_chosen() -> None:
    assert tuple(TEMPLATES) == CARDS


@pytest.mark.parametrize("template", CARDS)
@pytest.mark.parametrize("handles", [1, 2])
def test_the_hub_takes_the_card_of_a_run_by_every_template(template: str, handles: int) -> None:
    text = TEMPLATES[template](runs.facts() if handles == 1 else runs.cyborg())
    assert hub.check(text) == []
    assert "base_model: openai-community/gpt2\n" in text
    assert "\n\n\n\n" not in text
    assert text.endswith("\n")


@pytest.mark.parametrize("template", original.GENERATIONS)
def test_a_run_s_card_says_nothing_that_is_false_about_it(template: str) -> None:
    text = TEMPLATES[template](runs.facts())
    for false in (
        "W&B",
        "wandb",
        "Built by Boris Dayma",
        "predictions.png",
        "demo",
        "huggingtweets/uppityducky",
        "url('')",
    ):
        assert false not in text
    for true in ("I was made with htctl.", "3234", "2279", "2.346 bits per byte", "metrics.json", "b-00000000"):
        assert true in text
    for warned in ("consent", "frontier model", "invented by a machine", "take it down"):
        assert warned in text


@pytest.mark.parametrize("template", CARDS)
def test_the_runs_that_wandb_shows_are_linked_and_no_others(template: str) -> None:
    links = {"preprocess": "https://w.example/me/p/runs/1", "train": "https://w.example/me/p/runs/2"}
    text = TEMPLATES[template](runs.facts(links=links))
    assert hub.check(text) == []
    assert all(f"]({link}" in text for link in links.values())
    assert "\n\n\n\n" not in text
    alone = TEMPLATES[template](runs.facts(links={"train": links["train"]}))
    assert links["train"] in alone
    assert links["preprocess"] not in alone
    assert "w.example" not in TEMPLATES[template](runs.facts())
    assert "javascript" not in TEMPLATES[template](runs.facts(links={"train": "javascript:alert(1)"}))


@pytest.mark.parametrize("template", original.GENERATIONS)
def test_a_name_and_a_picture_that_scrape_found_are_shown(template: str) -> None:
    found = {"name": "Ducky 🐤", "avatar": "https://pbs.twimg.com/x_normal.jpg", "oldest": "", "newest": ""}
    text = TEMPLATES[template](runs.facts(scrape__handles={"uppityducky": found}))
    assert "Ducky 🐤" in text
    assert "https://pbs.twimg.com/x_400x400.jpg" in text


@pytest.mark.parametrize("template", original.GENERATIONS)
def test_a_snippet_in_a_run_s_card_is_python(template: str) -> None:
    text = TEMPLATES[template](runs.facts({"generate": {"prompt": 'a "b" 🐤 </code> \\'}}))
    code = text.split("```python\n")[1].split("```")[0] if "```python" in text else _code(text)
    compile(code, "snippet", "exec")
    assert r'generator("a \"b\" 🐤 </code> \\", num_return' in code
    assert "model='.'" in code


def _code(text: str) -> str:
    return _Shown(text[text.index("<pre>") : text.index("</pre>")]).text


class _Shown(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.tags = "", 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags += 1

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", ["jeffdean", "abkazias", "uppityducky"])
def test_no_name_changes_the_structure_of_a_card(name: str) -> None:
    given = data(name)
    plain = _structure(written(given))
    for text in filter(escape.shown, nasty.texts(30)):
        given["accounts"][0]["name"] = text.replace("\ud83e", "") or "x"
        card = written(given)
        assert _structure(card) == plain, text
        assert escape.shown(given["accounts"][0]["name"]) in _Shown(card).text


def _structure(card: str) -> tuple[list[str], int]:
    """The kinds of a card's blocks and of what is inside, and how many tags its HTML has."""
    tokens = RENDERER.parse(card)
    html = "".join(token.content for token in tokens if token.type == "html_block")
    inside = [child.type for token in tokens for child in token.children or [] if not child.type.startswith("text")]
    return [token.type for token in tokens] + inside, _Shown(html).tags


def test_a_name_that_was_a_placeholder_of_the_original_stays_a_name() -> None:
    given = data("h_ototake-hirox246-ochyai")
    names = ["BOT RETWEETS", "TABLE_USER", "{{ card.bot }}"]
    for account, name in zip(given["accounts"], names, strict=True):
        account["name"] = name
    text = written(given)
    assert '800">BOT RETWEETS &amp; TABLE_USER &amp; {{ card.bot }}</div>'.replace("&amp;", "&") in text
    assert "| Data | BOT RETWEETS | TABLE_USER | {{ card.bot }} |" in text
    assert "🤖 AI CYBORG 🤖" in text


def test_an_ampersand_of_a_name_is_not_the_templates_own() -> None:
    given = data()
    given["accounts"][0]["name"] = "AT&T &lt; x"
    assert ">AT&amp;T &amp;lt; x</div>" in written(given)


@pytest.mark.parametrize("name", ["jeffdean", "abkazias", "uppityducky"])
def test_an_address_cannot_leave_its_attribute(name: str) -> None:
    given = data(name)
    given["accounts"][0]["avatar"] = """https://x/');"><script>alert(1)</script>"""
    text = written(given)
    assert "<script" not in text
    assert "https://x/%27%29;%22%3E%3Cscript%3E" in text


def test_an_address_that_is_none_takes_no_slot() -> None:
    given = data("h_ototake-hirox246-ochyai")
    given["accounts"][0]["avatar"] = "javascript:x"
    shown = [line for line in written(given).splitlines() if "display:" in line]
    assert ["display:inherit" in line for line in shown] == [True, True, False]


def test_links_that_are_not_given_leave_no_broken_ones() -> None:
    given = {**data(), "preprocess": "", "training": "javascript:x", "thumbnail": ""}
    text = written(given)
    assert "](/artifacts)" not in text
    assert "javascript" not in text
    assert "thumbnail" not in text
    assert "\n\n\n" not in text


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"template": "huggingtweets-2022"}, "card.json: template: must be one of huggingtweets-2020, "),
        ({"accounts": []}, "accounts: must name at least one account"),
        ({"thumb": "x"}, "thumb: unknown key; did you mean 'thumbnail'?"),
        ({"accounts": [{"handle": "a"}]}, r"accounts\[0\].name: is missing; .*accounts\[0\].kept: is missing"),
    ],
)
def test_wrong_data_is_refused_with_every_reason(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        written({**data(), **changes})


def test_counts_that_do_not_add_up_are_refused() -> None:
    given = data()
    given["accounts"][0]["kept"] = 5
    with pytest.raises(ConfigError, match=r"accounts\[0\].kept: is 5, but downloaded - retweets - short is 2279"):
        written(given)


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "[" * 100000])
def test_what_is_no_data_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^card\.json"):
        original.parse(text, "card.json")
