import pytest

from pipeline.text import language


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("en", "the weather is lovely and we are going to the beach"),
        ("ja", "今日はとても楽しかったです。また行きたいな"),
        ("de", "das Wetter ist heute sehr schön und wir gehen spazieren"),
        ("fr", "il fait très beau et nous allons nous promener dans le parc"),
        ("no", "jeg er ikke sikker på hva som skjer i kveld, men det blir gøy"),
    ],
)
def test_found_where_the_source_says_nothing(code: str, text: str) -> None:
    assert language.languages([(text, "")] * 5) == [code]


def test_what_the_source_says_wins_and_old_codes_are_renamed() -> None:
    assert language.languages([("selamat pagi", "in")] * 3) == ["id"]
    assert language.languages([("🎉🎉", "ja")] * 3) == ["ja"]


def test_no_language_of_the_source_is_looked_at_again() -> None:
    assert language.languages([("the weather is lovely and we are going out", "und")] * 3) == ["en"]


def test_the_most_frequent_first_and_the_rare_left_out() -> None:
    posts = [("", "ja")] * 60 + [("", "en")] * 35 + [("", "fr")] * 5
    assert language.languages(posts) == ["ja", "en"]


def test_a_mixture_without_any_large_part_still_has_a_language() -> None:
    assert len(language.languages([("", chr(97 + i) + "a") for i in range(20)])) == 1
