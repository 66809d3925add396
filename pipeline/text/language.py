"""Which languages the posts are in: what the source says, else what py3langid finds."""

from collections import Counter
from collections.abc import Iterable

SAMPLE = 2000  # posts are plenty to tell languages apart
SHARE = 0.1  # a language with fewer of the posts is not named
UNTOLD = {"", "und", "zxx", "art", "qam", "qct", "qht", "qme", "qst"}  # X's codes for "no language"
RENAMED = {"in": "id", "iw": "he", "ji": "yi"}  # X keeps codes that ISO 639-1 has replaced


def languages(posts: Iterable[tuple[str, str]]) -> list[str]:
    """The ISO 639-1 codes of (text, language as the source says or "") pairs, the most frequent first.

    Every language of a tenth of the posts or more is named; of very mixed posts the most frequent one.
    """
    found: Counter[str] = Counter()
    for index, (text, told) in enumerate(posts):
        if index >= SAMPLE:
            break
        code = told.lower().split("-")[0]
        found[RENAMED.get(code, code) if code not in UNTOLD else _guess(text)] += 1
    total = found.total()
    return [code for code, count in found.most_common() if count >= SHARE * total] or [
        code for code, _ in found.most_common(1)
    ]


def _guess(text: str) -> str:
    import py3langid

    return str(py3langid.classify(text)[0])
