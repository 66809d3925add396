"""The rules that make training text from posts, as two named lists of small functions.

A rule takes the post and its text so far and returns the new text, or a Drop with the reason. Reasons
are counted by their name, so that downloaded - retweets - short = kept always holds.
"""

import functools
import html
import re
from collections.abc import Callable
from typing import NamedTuple

from pipeline.posts import Post
from pipeline.settings import Clean
from pipeline.text import words


class Drop(NamedTuple):
    """Why a post is not trained on: `retweet` or `short`, and what was seen."""

    reason: str
    detail: str


Rule = Callable[[Post, str], str | Drop]


def rules(config: Clean) -> list[Rule]:
    """The rules that `clean.rules` names, in order."""
    if config.rules == "original":
        short = functools.partial(_drop_short, words.by_spaces, config.min_words)
        return [drop_retweet, original_entities, original_links, join_lines, short]
    short = functools.partial(_drop_short, words.by_dictionary, config.min_words)
    return [drop_retweet, sound_text, entities, links, join_lines, short]


def clean(post: Post, rules: list[Rule]) -> str | Drop:
    """The post's training text, or why it has none."""
    text = post.text
    for rule in rules:
        result = rule(post, text)
        if isinstance(result, Drop):
            return result
        text = result
    return text


def drop_retweet(post: Post, text: str) -> str | Drop:
    """Somebody else's words."""
    return Drop("retweet", "a retweet") if post.retweet else text


def sound_text(_: Post, text: str) -> str:
    """Without control characters, which nobody wrote; those that are spaces stay."""
    return _UNSOUND.sub("", text)


def entities(_: Post, text: str) -> str:
    """X delivers `&`, `<` and `>` as HTML entities; each is undone once, and nothing that only looks like one."""
    return _ENTITY.sub(lambda found: html.unescape(found.group()), text)


def links(_: Post, text: str) -> str:
    """Without links: they are shortened, so they say nothing."""
    return _LINK.sub(" ", text)


def join_lines(_: Post, text: str) -> str:
    """On one line, with single spaces."""
    return " ".join(text.split())


def original_entities(_: Post, text: str) -> str:
    """The original recipe's order, in which `&amp;lt;` becomes `<`."""
    return text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")


def original_links(_: Post, text: str) -> str:
    """The original recipe's five removals for each scheme, in its order, with what they do to spaces."""
    for scheme in ("http:", "https:"):
        for pattern in (
            rf" {scheme}\S+",
            rf"{scheme}\S+ ",
            rf"\n{scheme}\S+ ",
            rf"\n{scheme}\S+",
            rf"{scheme}\S+",
        ):
            text = re.sub(pattern, "", text)
    return text


def _drop_short(count: Callable[[str], int], least: int, _: Post, text: str) -> str | Drop:
    found = count(text)
    return Drop("short", f"{found} of {least} words") if found < least else text


_LINK = re.compile("https?://[!-~]+", re.IGNORECASE)  # ASCII: what follows in another script is text
_ENTITY = re.compile("&(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9a-f]+);", re.IGNORECASE)
_UNSOUND = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
