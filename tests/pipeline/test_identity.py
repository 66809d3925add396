import re

import pytest

from pipeline import config, identity
from tests import factories


@pytest.mark.parametrize(
    ("handles", "bot"),
    [
        (["uppityducky"], "uppityducky"),
        (["UppityDucky"], "uppityducky"),
        (["hirox246", "ochyai", "h_ototake"], "h_ototake-hirox246-ochyai"),
        (["_a_", "B"], "_a_-b"),
    ],
)
def test_x_handles_make_the_id_that_the_cards_have(handles: list[str], bot: str) -> None:
    assert identity.bot_id("x", handles) == bot


def test_other_handles_get_a_slug_and_a_digest() -> None:
    bot = identity.bot_id("bluesky", ["Name.bsky.social"])
    assert re.fullmatch(r"name-bsky-social-[0-9a-f]{8}", bot)
    assert identity.bot_id("mastodon", ["Name.bsky.social"]) != bot


def test_a_long_id_is_cut_to_80_and_stays_unique() -> None:
    handles = [f"handle_number_{i}" for i in range(6)]
    bot = identity.bot_id("x", handles)
    assert len(bot) <= 80
    assert bot != identity.bot_id("x", [*handles[:5], "handle_number_9"])
    assert identity.bot_id("x", handles[:5]).count("-") == 4  # 79 characters still fit


def test_ids_of_x_handles_never_collide() -> None:
    groups = [["a", "b"], ["a_b"], ["a_", "b"], ["a", "_b"], ["ab"]]
    assert len({identity.bot_id("x", group) for group in groups}) == len(groups)


def test_run_id_names_batch_and_config() -> None:
    asked = factories.run_config(batch="nightly-2026-11-21")
    assert identity.run_id(asked) == f"nightly-2026-11-21-{asked.fingerprint()[:8]}"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("bots", "bots"),
        ("My Bots!", "my-bots"),
        ("_x_", "x"),
        ("h_ototake-ochyai", "h_ototake-ochyai"),
        ("---", "batch"),
    ],
)
def test_batch_names_from_free_text(text: str, name: str) -> None:
    assert identity.batch_name(text) == name


@pytest.mark.parametrize("text", ["x" * 100, "日本語", "a.b", "é" * 50, "x" * 39 + "." * 5 + "y"])
def test_every_batch_name_keeps_the_rule(text: str) -> None:
    assert config.BATCH.fullmatch(identity.batch_name(text))


def test_accounts_of_several_sources_make_one_bot_in_any_order() -> None:
    bot = identity.bot_id("x", ["jack", "bluesky:Alice.bsky.social"])
    assert re.fullmatch(r"alice-bsky-social-jack-[0-9a-f]{8}", bot)
    assert identity.bot_id("bluesky", ["x:JACK", "alice.bsky.social"]) == bot
    assert identity.bot_id("mastodon", ["bluesky:@alice.bsky.social", "x:@jack"]) == bot
    assert identity.bot_id("jsonl", ["jack", "bluesky:alice.bsky.social"]) != bot


def test_x_user_names_make_the_same_id_wherever_they_are() -> None:
    assert identity.bot_id("jsonl", ["x:jack", "ann"]) == identity.bot_id("x", ["jack", "ann"]) == "ann-jack"


def test_the_ids_of_plain_handles_stay_what_they_were() -> None:
    assert identity.bot_id("jsonl", ["a.bsky.social", "Bob"]) == "a-bsky-social-bob-52262191"
    assert identity.bot_id("mastodon", ["user@server.org"]) == "user-server-org-794633e3"


@pytest.mark.parametrize(
    ("text", "handles"),
    [
        ("a+@B", ["a", "B"]),
        ("x: @a +bluesky:c.com", ["x:a", "bluesky:c.com"]),
        ("@u@server.org", ["u@server.org"]),
    ],
)
def test_handles_as_they_stand_on_the_command_line(text: str, handles: list[str]) -> None:
    assert identity.named(text) == handles
