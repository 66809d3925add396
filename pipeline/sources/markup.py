"""The HTML in which Mastodon's servers give a post, as plain text."""

import contextlib
from html.parser import HTMLParser

from pipeline.sources.plain import Piece, assemble


def text(html: str) -> str:
    """Paragraphs and line breaks as newlines, @mentions and #tags as they read, other links as whole URLs."""
    reader = _Reader()
    with contextlib.suppress(AssertionError):  # what the standard library says of some broken declarations
        reader.feed(html)
        reader.close()
    return assemble(reader.finished()).strip()


class _Reader(HTMLParser):
    """Collects pieces of text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[Piece] = []
        self.open: list[str] = []  # the elements around
        self.hidden = 0  # how many were open when one began that is not shown; 0: none
        self.link: tuple[str, str] | None = None  # the address, and whether it is a mention's or a tag's
        self.label = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        classes = set(given.get("class", "").split())
        if tag in _VOID:
            self._add("\n" if tag == "br" else "")
            return
        self.open.append(tag)
        if not self.hidden and (_UNSEEN & classes or tag in _UNSEEN):
            self.hidden = len(self.open)
        if tag == "a":
            self._end_link()
            self.link = (given.get("href", ""), "named" if _NAMED & (classes | {given.get("rel", "")}) else "")
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._end_link()
        if tag in self.open:
            while self.open.pop() != tag:
                pass
        if len(self.open) < self.hidden:
            self.hidden = 0
        self._break(tag)

    def handle_data(self, data: str) -> None:
        self._add(data)

    def finished(self) -> list[Piece]:
        """All pieces, those of a link that was never closed too."""
        self._end_link()
        return self.pieces

    def _add(self, text: str) -> None:
        if self.hidden or not text:
            return
        if self.link:
            self.label += text
        else:
            self.pieces.append(Piece(text))

    def _break(self, tag: str) -> None:
        """A new line where a block begins or ends, one only."""
        if tag in _BLOCKS and self.pieces and not self.pieces[-1].text.endswith("\n"):
            self._add("\n")

    def _end_link(self) -> None:
        if self.link is None:
            return
        (address, named), label = self.link, self.label
        self.link, self.label = None, ""
        if label and not self.hidden:
            self.pieces.append(Piece(label, "" if named or label.startswith(("@", "#")) else address))


_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_BLOCKS = {"p", "div", "blockquote", "ul", "ol", "li", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "table", "tr"}
_NAMED = {"mention", "hashtag", "u-url", "tag"}
# For old programs a quoting post has the quoted one's address in its text: nobody's words.
_UNSEEN = {"quote-inline", "script", "style", "template"}
