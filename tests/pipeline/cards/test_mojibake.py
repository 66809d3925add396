from pathlib import Path

import pytest

from pipeline.cards import mojibake
from pipeline.errors import HtctlError

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.md"))


def broken(text: str, codec: str) -> str:
    """UTF-8 read in a wrong encoding, bytes that it leaves open as the control characters of their numbers."""
    return "".join(bytes([byte]).decode(codec, "ignore") or chr(byte) for byte in text.encode())


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
@pytest.mark.parametrize("codec", mojibake.CODECS)
def test_a_broken_card_is_put_right_to_the_letter(path: Path, codec: str) -> None:
    sound = path.read_text(encoding="utf-8")
    assert mojibake.repair(broken(sound, codec)) == (sound, (codec,))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_sound_card_stays_as_it_is(path: Path) -> None:
    sound = path.read_text(encoding="utf-8")
    assert mojibake.repair(sound) == (sound, ())


@pytest.mark.parametrize("text", ["", "plain", "café", "naïve — “so”", "日本語", "Ã", "√", "🤖 ðŸ¤–", "a\r\nb\tc"])
def test_text_that_only_in_part_looks_broken_is_sound(text: str) -> None:
    assert mojibake.repair(text) == (text, ())


@pytest.mark.parametrize("text", ["café", "“quoted” – 5 €", "日本語", "Ünïcödé", "🐤✨", "Привет", "עברית"])
@pytest.mark.parametrize("codec", mojibake.CODECS)
def test_short_texts_are_told_apart(text: str, codec: str) -> None:
    assert mojibake.repair(broken(text, codec)) == (text, (codec,))


def test_what_was_broken_twice_is_put_right_twice() -> None:
    twice = broken(broken("日本語 🤖", "mac_roman"), "cp1252")
    assert mojibake.repair(twice) == ("日本語 🤖", ("cp1252", "mac_roman"))


def test_what_two_encodings_explain_is_left_to_a_person() -> None:
    both = next(
        text
        for pair in ((first, second) for first in range(0xC2, 0xE0) for second in range(0x80, 0xC0))
        if (text := bytes(pair).decode("cp1252", "ignore")) and _explained(text) == 2
    )
    with pytest.raises(HtctlError, match="mac_roman and cp1252 explain it equally well"):
        mojibake.repair(both)


def _explained(text: str) -> int:
    rights = {right for codec in mojibake.CODECS if (right := mojibake._read_right(text, codec)) is not None}
    return sum(mojibake._oddities(right) == 0 for right in rights)
