"""Strangers' text made harmless where a card holds it: Markdown, with the HTML it may contain."""

import re


def markdown(text: str) -> str:
    """`text` on one line, shown as it is: nothing in it is markup, a table's edge, a link or a tag."""
    line = " ".join(_INVISIBLE.sub("", text).split())
    line = _SPECIAL.sub(r"\\\1", line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
    line = _NUMBERED.sub(r"\1\\\2", line)
    return _AUTOLINK.sub(lambda found: found.group().replace(":", "&#58;").replace(".", "&#46;"), line)


_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$-])")
_NUMBERED = re.compile(r"^([0-9]+)([.)])")  # the start of a numbered list
_AUTOLINK = re.compile(r"https?:|ftp:|www\.", re.IGNORECASE)  # what a renderer makes a link of by itself
# Control characters and the marks that turn the direction of text (Unicode 15, section 23.2).
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
