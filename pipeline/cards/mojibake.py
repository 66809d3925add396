"""A text whose UTF-8 was read in another encoding and written so, recognised as a whole and put right."""

import unicodedata
from typing import NamedTuple

from pipeline.errors import HtctlError

CODECS = ("mac_roman", "cp1252")
TIMES = 3  # that a text may have gone through it


class Repaired(NamedTuple):
    """A text put right, and the wrong encodings it was read in, the last first; none where it was sound."""

    text: str
    codecs: tuple[str, ...]


def repair(text: str) -> Repaired:
    """The text as it was meant.

    It was broken only where all of it, not a part, can be written in the wrong encoding and read as UTF-8: real
    text with any letter beyond that encoding, or one accent of its own, cannot. Raises HtctlError where two
    encodings explain it equally well.
    """
    codecs: tuple[str, ...] = ()
    while len(codecs) < TIMES and not text.isascii():
        found = [(right, codec) for codec in CODECS if (right := _read_right(text, codec)) is not None]
        if not found:
            break
        least = min(_oddities(right) for right, _ in found)
        likely = [(right, codec) for right, codec in found if _oddities(right) == least]
        if len({right for right, _ in likely}) > 1:
            names = " and ".join(codec for _, codec in likely)
            raise HtctlError(
                f"broken, but {names} explain it equally well; open it in an editor and see which is right"
            )
        text, codecs = likely[0][0], (*codecs, likely[0][1])
    return Repaired(text, codecs)


def _read_right(text: str, codec: str) -> str | None:
    table = _bytes_of(codec)
    try:
        return bytes(table[character] for character in text).decode("utf-8")
    except (KeyError, UnicodeDecodeError):
        return None


def _bytes_of(codec: str) -> dict[str, int]:
    """Each character -> its byte; one that the encoding leaves open is the control character of its number."""
    decoded = (bytes([byte]).decode(codec, "ignore") or chr(byte) for byte in range(256))
    return {character: byte for byte, character in enumerate(decoded)}


def _oddities(text: str) -> int:
    """How many characters hardly anybody writes: unassigned, private, controls, marks without a letter."""
    odd = ("Cn", "Co", "Cc", "Mn")
    return sum(unicodedata.category(character) in odd and character not in "\t\n\r\ufe0f" for character in text)
