"""What a person wrote as text that cleaning takes back exactly; moments as ISO 8601; values of strangers' JSON."""

import datetime
import itertools
import re
import urllib.parse
from collections.abc import Sequence
from typing import Any, NamedTuple

from pipeline.sources.jsonl import sound


class Piece(NamedTuple):
    """A run of text; with a URL, a link that shows this text."""

    text: str
    url: str = ""


def assemble(pieces: Sequence[Piece]) -> str:
    """The pieces as one text as X would give it: links as whole URLs, and what looks like an entity told from one.

    Cleaning takes away a URL up to the next space, so where a link is followed by a word there must be one.
    """
    whole = ""
    for is_link, run in itertools.groupby(reversed(pieces), lambda piece: bool(_WEB.match(piece.url))):
        if is_link:
            for piece in run:
                whole = _link(piece) + (" " if _WORD_AHEAD.match(whole) else "") + whole
        else:
            whole = _escaped("".join(piece.text for piece in [*run][::-1])) + whole
    return whole


def moment(value: Any) -> str:
    """A moment in UTC as X writes it, to the millisecond; "" for what is none."""
    try:
        found = datetime.datetime.fromisoformat(value if isinstance(value, str) else "")
        found = found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
        return found.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return ""


def mapping(value: Any) -> dict[str, Any]:
    """A JSON object; an empty one where there is none."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """A JSON list; an empty one where there is none."""
    return value if isinstance(value, list) else []


def words(value: Any) -> str:
    """JSON text; "" where there is none."""
    return sound(value) if isinstance(value, str) else ""


def count(value: Any) -> int | None:
    """A number of things; None where there is none, or the server does not tell it (which some do by -1)."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _link(piece: Piece) -> str:
    """The URL, and before it what the link shows, unless that is only a short form of the URL."""
    url, label = sound(piece.url.strip()), piece.text.strip()
    address = urllib.parse.quote(url, safe=_IN_URLS)  # what is left of one after cleaning would be training text
    return address if not label or _is_short_form(label, url) else f"{_escaped(label)} {address}"


def _is_short_form(label: str, url: str) -> bool:
    begin = _bare(label.removesuffix("…").removesuffix("..."))
    return "." in begin and any(_bare(form).startswith(begin) for form in (url, urllib.parse.unquote(url)))


def _bare(address: str) -> str:
    return _WEB.sub("", address.strip()).lower().removeprefix("www.").rstrip("/")


def _escaped(text: str) -> str:
    """Text out of which cleaning, which undoes an entity once, makes what was written."""
    return _LIKE_ENTITY.sub("&amp;", _UNSOUND.sub("", sound(text)))


_WEB = re.compile(r"\s*https?://", re.IGNORECASE)
_IN_URLS = "".join(map(chr, range(0x21, 0x7F)))
_WORD_AHEAD = re.compile("[!-~]*[0-9A-Za-z]")
# As in pipeline/text/cleaning.py; a test compares. What it takes out first could hide an entity, or a word ahead.
_UNSOUND = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_LIKE_ENTITY = re.compile("&(?=(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9a-f]+);)", re.IGNORECASE)
