"""How many words a post has, in any script.

Scripts that are written without spaces (Han, kana, Thai, Lao, Khmer, Burmese) are divided by ICU's
dictionaries, as browsers do it: https://unicode-org.github.io/icu/userguide/boundaryanalysis/.
"""

import re
from functools import cache
from typing import Any

# Ranges of the Unicode standard (Blocks.txt): Thai to Lao, Myanmar, Khmer, kana, Han and its extensions,
# half-width kana. Hangul is written with spaces.
SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
# Links and mentions are ASCII; a tag takes the letters of any script, with the vowel signs that some write
# above and below them. Full-width forms of @ and # count as well.
_MARKED = re.compile("https?://[!-~]+|[@\uff20][A-Za-z0-9_]+|[#\uff03][\\w\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]+")
NOT_WORDS = ("http", "@", "#")


def by_spaces(text: str) -> int:
    """Words between spaces, without links, mentions and tags: the original recipe's count."""
    return sum(not any(mark in word.lower() for mark in NOT_WORDS) for word in text.split())


def by_dictionary(text: str) -> int:
    """As `by_spaces`, but a run of a script without spaces counts the words that ICU finds in it.

    In such a run a mention, tag or link ends where its own letters do, not at the next space.
    """
    return sum(_inside(word) if SPACELESS.search(word) else by_spaces(word) for word in text.split())


def _inside(run: str) -> int:
    words = (str(part) for piece in _MARKED.split(run) for part in _breaker()(piece, "und"))
    return sum(any(letter.isalnum() for letter in word) for word in words)


@cache
def _breaker() -> Any:
    from icu4py.breakers import WordBreaker

    return WordBreaker
