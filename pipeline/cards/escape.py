"""Strangers' text made harmless where a card holds it: Markdown, HTML, a URL, YAML, each by its own rules."""

import html as entities
import re
from typing import Any
from urllib.parse import quote


def shown(text: str) -> str:
    """`text` as a card shows it: on one line, without control characters and marks that turn the direction of text."""
    return " ".join(_INVISIBLE.sub("", _LONE_SURROGATE.sub("\ufffd", text)).split())


def markdown(text: str) -> str:
    """`text` on one line, shown as it is wherever it stands: nothing in it is markup, a table's edge or a link."""
    line = _SPECIAL.sub(r"\\\1", _entities(shown(text)))
    return _no_links(_NUMBERED.sub(r"\1\\\2", line))


def inline(text: str) -> str:
    """`text` shown as it is in the middle of a line: only what is markup there is escaped, a word's own `_` is not.

    Names that are letters, spaces, commas and emoji come out as they went in, as the cards of the
    original have them. It is no rule for the beginning of a line, where `#`, `-` and `1.` are markup too.
    """
    return _no_links(_EMPHASIS.sub(r"\\_", _INLINE.sub(r"\\\1", _entities(shown(text)))))


def html(text: str) -> str:
    """`text` on one line, shown as it is inside an HTML element or a quoted attribute."""
    return entities.escape(shown(text), quote=True)


def url(address: str) -> str:
    """A web address that ends nothing that it stands in (an attribute, CSS's url(), Markdown's brackets, YAML).

    "" where it is no http or https address: a `javascript:` has no business on a card.
    """
    if not _WEB.match(address):
        return ""
    return quote(_LONE_SURROGATE.sub("\ufffd", address), safe="/:?#@!$&*+,;=%~-._")


def yaml_text(text: str) -> str:
    """`text` as a double-quoted YAML scalar on one line; direction marks are spelt out, so that they turn nothing."""
    import yaml

    whole = _LONE_SURROGATE.sub("\ufffd", text)
    return _spelt(yaml.safe_dump(whole, default_style='"', allow_unicode=True, width=_ENDLESS).rstrip("\n"))


def yaml_plain(text: str) -> str:
    """`text` as a YAML scalar, without quotes where every reader takes it for this text."""
    import yaml

    sound = _PLAIN.fullmatch(text) and not _AMBIGUOUS.fullmatch(text) and not text.endswith(":")
    return text if sound and yaml.safe_load(f"- {text}") == [text] else yaml_text(text)


def python_text(text: str) -> str:
    """`text` as a Python string literal on one line, in double quotes."""
    import json

    literal = json.dumps(_LONE_SURROGATE.sub("\ufffd", text), ensure_ascii=False)
    return _HIDDEN.sub(lambda found: f"\\u{ord(found.group()):04x}", literal)


def yaml_block(data: Any) -> str:
    """Data as block YAML that loads to the very data; texts that a reader could take for something else are quoted."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Quotes what YAML 1.1 and 1.2 read differently, and what turns or hides text."""

    def text(dumper: Any, value: str) -> Any:
        whole = _LONE_SURROGATE.sub("\ufffd", value)
        risky = _INVISIBLE.search(whole) or _LINES.search(whole) or _AMBIGUOUS.fullmatch(whole)
        return dumper.represent_scalar("tag:yaml.org,2002:str", whole, style='"' if risky else None)

    Dumper.add_representer(str, text)
    dumped = yaml.dump(data, Dumper=Dumper, allow_unicode=True, sort_keys=False, width=_ENDLESS)
    return _spelt(dumped.rstrip("\n"))


def _entities(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _no_links(line: str) -> str:
    """What a renderer makes a link of by itself, taken apart."""
    line = _AUTOLINK.sub(lambda found: found.group().replace(":", "&#58;").replace(".", "&#46;"), line)
    return _MAIL.sub(r"\1&#64;\2", line)


def _spelt(dumped: str) -> str:
    """Direction marks, which stand in double quotes only, as YAML's escapes."""
    return _DIRECTION.sub(lambda found: f"\\u{ord(found.group()):04x}", dumped)


_ENDLESS = 2**31
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$-])")
_INLINE = re.compile(r"([\\`*\[\]|~$])")
_EMPHASIS = re.compile(r"(?<![^\W_])_|_(?![^\W_])")  # between two letters or digits it is none
_NUMBERED = re.compile(r"^([0-9]+)([.)])")  # the start of a numbered list
_AUTOLINK = re.compile(r"https?:|ftp:|www\.|mailto:|xmpp:", re.IGNORECASE)
_MAIL = re.compile(r"([\w.+-])@([\w-]+\.)")
_WEB = re.compile(r"https?://[^\s/]", re.IGNORECASE)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# Marks that turn the direction of text (Unicode 15, section 23.2), and control characters that are no spaces.
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LINES = re.compile("[\n\r\x85\u2028\u2029\ufeff]")  # what readers of YAML take for the end of a line, or drop
_HIDDEN = re.compile(f"{_INVISIBLE.pattern}|{_LINES.pattern}")
_PLAIN = re.compile(r"[A-Za-z][!-~]*")  # ASCII without spaces: no comment and no second key begins in it
# What is text to YAML 1.1 and a number, a truth or nothing to 1.2, or the other way round.
_AMBIGUOUS = re.compile(r"[-+.]?[0-9][0-9a-fA-FxXoO_.:eE+-]*|y|n|yes|no|on|off|true|false|null|~", re.IGNORECASE)
