"""Whatever strangers write: the card's YAML says what was put in, its tables keep their columns, nothing in it runs."""

import copy
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.cards import TEMPLATES, escape, hub, original, reading
from pipeline.settings import CARDS
from tests.pipeline.cards import runs, shown

PIECES = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</div>", "[x](javascript:alert(1))", "![a](b)", "|",
    "&#39;", "&lt;", "`", "```", "~~~", "---", "\n", "\r\n", "\n\n# ", "\\", "*", "_", "<!--", "-->", "<![CDATA[",
    "https://x.y", "a@b.c", "'", '"', "');", "{{ x }}", "{% raw %}", ": ", " #", "\u202e", "\u2028", "\ufeff", "\x00",
    "BOT", "TABLE_USER", " & ", "日本語", "مرحبا", "🐤", "<style>*{display:none}</style>", "<a href=javascript:x>",
    "<svg/onload=x>", "1. ", "- ", "> ", "$x$", "==", "\t", "<|endoftext|>",
]  # fmt: skip
TEXT = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=6).map("".join)
NAME = TEXT.filter(escape.shown)
COUNT = st.integers(0, 99999)
pytestmark = pytest.mark.slow
LARGE = settings(suppress_health_check=list(HealthCheck))  # as what strangers wrote may be
ADDRESS = st.one_of(st.just(""), TEXT, TEXT.map(lambda text: f"https://x.y/{text}"))


@st.composite
def facts(draw: st.DrawFn) -> dict[str, Any]:
    """The facts of a run of one or two handles, whose every foreign text is a stranger's."""
    handles = draw(st.sampled_from([["uppityducky"], ["h_ototake", "hirox246"], ["a.b.social", "user@server.social"]]))
    prompt = draw(TEXT)
    samples = draw(st.lists(TEXT, min_size=1, max_size=4))
    made = runs.facts({"handles": handles, "generate": {"prompt": prompt}})
    accounts = {
        handle: {"name": draw(TEXT), "bio": draw(TEXT), "avatar": draw(ADDRESS), "oldest": draw(TEXT), "newest": ""}
        for handle in handles
    }
    made["scrape"] = {"handles": accounts}
    counts = made["clean"]["handles"]["uppityducky"]
    made["clean"]["handles"] = {handle: copy.deepcopy(counts) for handle in handles}
    made["generate"] |= {"prompt": prompt, "samples": samples}
    return made


@st.composite
def given_cards(draw: st.DrawFn) -> original.Given:
    """What an original card is filled with, whose every foreign text is a stranger's."""
    accounts = []
    for handle in draw(st.sampled_from([["jeffdean"], ["a", "b"], ["a", "b", "c"]])):
        retweets, short, kept = draw(COUNT), draw(COUNT), draw(COUNT)
        numbers = {"downloaded": retweets + short + kept, "retweets": retweets, "short": short, "kept": kept}
        accounts.append(original.Account(handle=handle, name=draw(NAME), avatar=draw(ADDRESS), **numbers))
    links = {name: draw(ADDRESS) for name in ("thumbnail", "preprocess", "training")}
    template = draw(st.sampled_from(original.GENERATIONS))
    return original.Given(template=template, accounts=tuple(accounts), **links)


def check_harmless(card: str) -> None:
    """Its metadata loads and the Hub takes it; nothing runs, neither as it is rendered nor as a hub shows it."""
    assert hub.check(card) == []
    html = shown.rendered(card)
    own = {"link", "style"} if "<section class='prose'>" in card else set()  # the form of 2020 has these of its own
    assert set(shown.Page(html).dangers()) <= own
    assert shown.Page(shown.cleaned(html)).dangers() == []


@pytest.mark.parametrize("template", CARDS)
@LARGE
@given(found=facts())
def test_a_run_s_card_is_harmless_and_whole_whatever_strangers_wrote(template: str, found: dict[str, Any]) -> None:
    card = TEMPLATES[template](found)
    check_harmless(card)
    data = yaml.safe_load(shown.parts(card)[0])
    assert data["widget"] == [{"text": found["generate"]["prompt"]}]
    count = len(found["config"].handles)
    tables = shown.columns(shown.rendered(card))
    assert tables[0] == [1 + count] * len(tables[0])
    assert all(len(set(rows)) == 1 for rows in tables)


@LARGE
@given(found=facts())
def test_every_sample_is_read_as_it_was_written(found: dict[str, Any]) -> None:
    text = shown.Page(shown.rendered(TEMPLATES["htctl"](found))).text
    for sample in found["generate"]["samples"]:
        assert escape.shown(sample) in text


@LARGE
@given(given=given_cards())
def test_an_original_card_is_harmless_and_whole_whatever_strangers_wrote(given: original.Given) -> None:
    card = original.write(given)
    check_harmless(card)
    tables = shown.columns(shown.rendered(card))
    assert tables == [[1 + len(given.accounts)] * 5]
    data = yaml.safe_load(shown.parts(card)[0])
    assert data["language"] == "en"
    if given.template != original.GENERATIONS[0]:
        assert data.get("thumbnail", "") == escape.url(given.thumbnail)


@LARGE
@given(given=given_cards())
def test_what_an_original_card_tells_can_be_read_back(given: original.Given) -> None:
    found = reading.read(original.write(given), [account.handle for account in given.accounts])
    assert found.given is not None, found.why
    assert original.write(found.given) == original.write(given)
    assert [account.kept for account in found.given.accounts] == [account.kept for account in given.accounts]
    names = [escape.shown(account.name) for account in given.accounts]
    assert [account.name for account in found.given.accounts] == names


@pytest.mark.parametrize(
    "text",
    ["<script>x</script>", "<img src=x onerror=y>", "<a href=' javascript:x'>y</a>", '<p style="a:url(ftp:x)">z'],
)
def test_the_check_itself_finds_what_runs_and_the_cleaning_takes_it_out(text: str) -> None:
    html = shown.rendered(f"---\nlanguage: en\n---\n{text}\n")
    assert shown.Page(html).dangers()
    assert shown.Page(shown.cleaned(html)).dangers() == []
