"""Texts that strangers could have written, each a trap for some markup; and many that chance makes of its pieces."""

import random

TEXTS = [
    "", " ", "---", "no", "yes", "NO", "~", "null", "12e4", "0x1f", "1_000", "1:30", "2026-01-01", "=", "<<", "@at",
    "%x",
    "a: b", "a #b", "- a", "? a", "! a", "& a", "* a", "|", "a | b", "a \\| b", "\\", "\\\\", "a\\", "`", "``", "`a|b`",
    "<b>", "<script>alert(1)</script>", "</div>", "<!-- x", "-->", "<![CDATA[", "&amp;", "&lt;", "&#60;", "&", "a & b",
    "AT&T", "&copy", '"', "'", "\"'`", "]", "[", "[x](http://y)", "](x", "![x](y)", "[x]: http://y", "<http://x.y>",
    "*", "**a**", "_a_", "__a__", "a_b", "_", "~~a~~", "~a~", "$x$", "$$", "# a", "###", "> a", "+ a", "1. a", "1) a",
    "    code", "\ttab", "a\nb", "a\n\n# b", "a\r\nb", "a\rb", "a\x0bb", "a\x0cb", "a\x85b", "a\u2028b", "a\u2029b",
    "\ufeffa", "\u202etxet", "\u2066a", "a\u200fb", "\x00", "\x1b[31m", "\x7f", "\x9f", "http://x.y", "HTTPS://X.Y",
    "www.x.y", "ftp://x", "a@b.cd", "mailto:a@b.c", "javascript:alert(1)", "{{ bot }}", "{% raw %}", "{# x #}", "${x}",
    "RETWEETS", "BOT", "USER_NAME", "TABLE_USER", "TWEETS_KEPT", "WANDB_TRAIN", "CYBORG", "日本語", "ひろゆき, H",
    "👩‍👩‍👧 🕯️", "עברית", "ا", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "k@", "Jeff Dean (@🏡)", "```\ncode", "~~~", "===", "| --- |",
    "a  \nb", "&#x202e;", "\ud83e", "x" * 3000,
]  # fmt: skip

PIECES = [
    *"|\\`*_[]()<>&\"'#!~$-+=:;{}%@/ \n\ta1é日🐤",
    "\u202e",
    "http://",
    "www.",
    "&amp;",
    "<b>",
    "---",
    "no",
    "\r\n",
]


def texts(count: int = 400) -> list[str]:
    """The list above and as many of chance, the same every time."""
    chance = random.Random(7)
    return [*TEXTS, *("".join(chance.choices(PIECES, k=chance.randint(1, 12))) for _ in range(count))]
