"""The files of the recipe's artifacts, made of a run's posts: `tweets.txt` and the text that is trained on."""

import json
from collections.abc import Iterator
from pathlib import Path

from pipeline.posts import read_lines

END = "<|endoftext|>"


def write_part(path: Path, form: str, sources: list[str]) -> None:
    """A file of an artifact: `posts` (a JSON list for each source's own posts), `text` (posts between end tokens)."""
    with path.open("w", encoding="utf-8", errors="replace") as file:
        if form == "posts":
            file.writelines(_lists(sources))
        elif form == "text":
            file.write(END)
            file.writelines(f"{post['text']}{END}" for source in sources for post in read_lines(Path(source)))
        else:
            raise ValueError(f"no form {form}")


def _lists(sources: list[str]) -> Iterator[str]:
    """A list of lists as JSON, one post at a time: an archive may hold more than memory does."""
    for index, source in enumerate(sources):
        yield "[[" if index == 0 else "], ["
        own = (post["text"] for post in read_lines(Path(source)) if not post["retweet"])
        for count, text in enumerate(own):
            yield f"{', ' if count else ''}{json.dumps(text)}"
    yield "]]"
