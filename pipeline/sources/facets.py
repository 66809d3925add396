"""A Bluesky post's text with its links whole: facets say which bytes of the UTF-8 text are a link, and where to."""

from typing import Any, NamedTuple

from pipeline.sources.jsonl import sound
from pipeline.sources.plain import Piece, assemble, items, mapping, words


class _Link(NamedTuple):
    begin: int
    end: int
    url: str


def text(record: dict[str, Any]) -> str:
    """The post's own words; mentions and tags as they read, a shortened link as the URL that it stands for.

    A facet that says what cannot be (outside the text, inside a letter, over another) is passed over.
    """
    whole = sound(words(record.get("text"))).encode()
    pieces, done = [], 0
    for begin, end, url in sorted(_links(record)):
        if done <= begin < end <= len(whole) and _is_sound(whole, begin) and _is_sound(whole, end):
            pieces += [Piece(whole[done:begin].decode()), Piece(whole[begin:end].decode(), url)]
            done = end
    return assemble([*pieces, Piece(whole[done:].decode())])


def _links(record: dict[str, Any]) -> list[_Link]:
    found = []
    for facet in map(mapping, items(record.get("facets"))):
        index = mapping(facet.get("index"))
        begin, end = index.get("byteStart"), index.get("byteEnd")
        if type(begin) is type(end) is int:
            addresses = (words(mapping(feature).get("uri")) for feature in items(facet.get("features")))
            found += [_Link(begin, end, address) for address in addresses if address]
    return found


def _is_sound(whole: bytes, place: int) -> bool:
    """Whether a letter begins or the text ends there."""
    return place == len(whole) or whole[place] & 0b1100_0000 != 0b1000_0000
