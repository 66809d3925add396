import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.cards import mojibake, original, reading
from tests.pipeline.cards import runs

GOLDEN = Path(__file__).parent / "golden"
FIVE = ["abkazias", "h_ototake-hirox246-ochyai", "jeffdean", "plesmasquerade", "uppityducky"]
CYBORG = FIVE[1]


def card(name: str = "uppityducky") -> str:
    return (GOLDEN / f"{name}.md").read_bytes().decode()


def told(name: str = "uppityducky") -> dict[str, Any]:
    return dict(json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8")))


def written(kind: str = "uppityducky", **account: Any) -> str:
    given = told(kind)
    given["accounts"][0] |= account
    return original.write(original.parse(json.dumps(given), kind))


@pytest.mark.parametrize("name", FIVE)
def test_each_of_the_five_cards_is_read_and_written_again_to_the_byte(name: str) -> None:
    found = reading.read(card(name))
    assert found.given is not None
    assert original.write(found.given).encode() == (GOLDEN / f"{name}.md").read_bytes()


@pytest.mark.parametrize("name", FIVE)
def test_what_is_read_is_what_the_card_was_made_from(name: str) -> None:
    handles = [account["handle"] for account in told(name)["accounts"]]
    found = reading.read(card(name), handles)
    assert found.given == original.parse(json.dumps(told(name)), name)
    assert found.ordered


def test_a_broken_card_is_read_once_it_is_put_right() -> None:
    broken = card("h_ototake-hirox246-ochyai").encode().decode("mac_roman")
    found = reading.read(mojibake.repair(broken).text)
    assert found.given is not None
    assert found.given.accounts[1].name == "落合陽一 Yoichi OCHIAI"


def test_a_cyborg_s_card_does_not_tell_whose_column_is_whose() -> None:
    found = reading.read(card(CYBORG))
    assert found.handles == ("h_ototake", "hirox246", "ochyai")
    assert not found.ordered


@pytest.mark.parametrize("name", ["Tom & Jerry", "a | b \\| c", "<b>", "x &amp; y", "*_`[](", "🤖 AI Bot 🤖", "&#39;"])
@pytest.mark.parametrize("kind", FIVE)
def test_names_come_back_as_they_went_in(kind: str, name: str) -> None:
    found = reading.read(written(kind, name=name))
    assert found.given is not None
    assert found.given.accounts[0].name == name
    assert original.write(found.given) == written(kind, name=name)


@pytest.mark.parametrize("name", FIVE)
def test_links_that_are_not_there_are_empty(name: str) -> None:
    given = original.parse(json.dumps({**told(name), "thumbnail": "", "preprocess": "", "training": ""}), name)
    found = reading.read(original.write(given))
    assert found.given is not None
    assert (found.given.thumbnail, found.given.preprocess, found.given.training) == ("", "", "")


def test_the_day_is_in_the_picture_s_address() -> None:
    days = {name: reading.made(original.parse(json.dumps(told(name)), name)) for name in ("uppityducky", "jeffdean")}
    assert days == {"uppityducky": "2021-05-14", "jeffdean": ""}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("| Retweets | 541 |\n", ""), "it does not tell: Retweets"),
        (("| Tweets kept | 2279 |", "| Tweets kept | 2280 |"), "its numbers do not add up"),
        (("| Retweets | 541 |", "| Retweets | 541 | 2 |"), "its table has not one column for each of 1 handles"),
        (("I was made with", "Made with"), "it is no card of huggingtweets"),
    ],
)
def test_a_card_without_its_numbers_still_tells_the_handle_and_why(change: tuple[str, str], why: str) -> None:
    assert change[0] in card()
    assert reading.read(card().replace(*change)) == reading.Found(("uppityducky",), None, why)


def test_the_card_of_another_bot_is_not_read_for_it() -> None:
    assert reading.read(card(), ["jeffdean"]).why == "it is the card of @uppityducky"


def test_a_card_of_ours_in_the_old_form_is_not_one_of_huggingtweets() -> None:
    assert not reading.is_card(original.of_run("huggingtweets-2021-05", runs.facts()))


@pytest.mark.parametrize("text", ["", "# A model", "@" * 9999, "I was made with [huggingtweets](x)"])
def test_any_other_text_is_read_without_harm(text: str) -> None:
    found = reading.read(text)
    assert (found.handles, found.given) == ((), None)
