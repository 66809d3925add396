"""Posts from a file: X API v2 objects or plain `{"text": ...}`, one a line, or answer pages; gzip too."""

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from pipeline.errors import ConfigError
from pipeline.posts import Post, Skipped

GZIP_MAGIC = b"\x1f\x8b"


class Wrong(NamedTuple):
    """Why a line holds no post."""

    reason: str


def read(path: Path, name: str, skipped: Skipped | None = None) -> Iterator[Post]:
    """The posts of a file in its order; `name` is what messages call it.

    Raises ConfigError with the line for anything that is not a post, a page of posts or a list of them;
    where `skipped` is given, such a line is noted there and left out.
    """
    with _opened(path) as file:
        try:
            for line, value in _values(file, name, skipped is not None):
                for post in map(read_post, items(value)):
                    if isinstance(post, Post):
                        yield post
                    elif skipped is None:
                        raise ConfigError(f"{name}, line {line}: {post.reason}; --skip-bad leaves such lines out")
                    else:
                        skipped.add(line)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ConfigError(f"{name}: broken gzip: {error}; fetch or pack it again") from None


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    return cast(IO[bytes], gzip.open(path)) if packed else path.open("rb")


def _values(file: IO[bytes], name: str, skipping: bool) -> Iterator[tuple[int, Any]]:
    """(line, JSON value or Wrong) for each line, or, if the first line is no value by itself, for each value."""
    seen = False
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            # A value over several lines, such as one page written for people to read
            if not seen and (not skipping or _is_begun(error)):
                yield from _spread(line + file.read(), name, number)
                return
            value = Wrong(_say(error))
        seen = True
        yield number, value


def _is_begun(error: Exception) -> bool:
    """Whether a line is JSON as far as it goes."""
    return isinstance(error, json.JSONDecodeError) and not error.doc[error.pos :].strip()


def _spread(data: bytes, name: str, line: int) -> Iterator[tuple[int, Any]]:
    """(line, value or Wrong) of JSON values with any space between them; `line` is the number of the first.

    What comes after something wrong begins on the next line.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8 text (byte {error.start}); is this a posts file?") from None
    decoder, position = json.JSONDecoder(), 0
    while begin := _NO_SPACE.search(text, position):
        line += text.count("\n", position, begin.start())
        try:
            value, position = decoder.raw_decode(text, begin.start())
        except (ValueError, RecursionError) as error:
            value, position = Wrong(_say(error)), text.find("\n", begin.start()) + 1
        yield line, value
        if position == 0:  # wrong, and on the last line
            return
        line += text.count("\n", begin.start(), position)


def _say(error: Exception) -> str:
    what = "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else "not JSON"
    if isinstance(error, RecursionError):
        error = ValueError("nested too deeply")
    why = "" if str(error).startswith("Expecting value") else f" ({error})"  # it is something else altogether
    return f'{what}{why}; each line must hold one post, such as {{"text": "Hello"}}'


def items(value: Any) -> list[Any]:
    """The posts in a JSON value: a page's `data`, a list's members, or the value itself."""
    if isinstance(value, dict) and "text" not in value and ("data" in value or "meta" in value):
        value = value.get("data", [])
    return value if isinstance(value, list) else [value]


def read_post(item: Any) -> Post | Wrong:
    """A post as X's API gives it, under old and new field names, or as a plain object with `text`."""
    if isinstance(item, Wrong):
        return item
    if not isinstance(item, dict):
        return Wrong(f"a post must be a JSON object, not {json.dumps(item)[:40]}")
    if "errors" in item and "text" not in item:
        return Wrong(f"an error that the API answered, not a post: {json.dumps(item['errors'])[:200]}")
    long = item.get("note_tweet") or item.get("note_post") or {}
    text = long.get("text") if isinstance(long, dict) else None
    text = next((t for t in (text, item.get("full_text"), item.get("text")) if t is not None), None)
    if not isinstance(text, str):
        if text is not None:
            return Wrong(f"a post's text must be text, not {json.dumps(text)[:40]}")
        return Wrong(f'a post must have "text"; this one has {", ".join(item) or "nothing"}')
    return Post(
        id=sound(str(item.get("id") or item.get("id_str") or "")),
        text=sound(text),
        created_at=sound(str(item.get("created_at") or "")),
        lang=sound(str(item.get("lang") or "")),
        retweet=_is_retweet(item, text),
    )


def sound(text: str) -> str:
    """Text that can be written as UTF-8: half a surrogate pair becomes the sign for "unreadable"."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def _is_retweet(item: dict[str, Any], text: str) -> bool:
    """By its references, under X's old and new field names; else by how a retweet's own text starts."""
    references = item.get("referenced_tweets") or item.get("referenced_posts")
    references = references if isinstance(references, list) else []
    if any(isinstance(reference, dict) and reference.get("type") == "retweeted" for reference in references):
        return True
    return bool(item.get("retweeted_status")) or text.startswith("RT @")


_NO_SPACE = re.compile(r"\S")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
