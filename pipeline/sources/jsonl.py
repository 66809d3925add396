"""Posts from a file: X API v2 objects or plain `{"text": ...}`, one a line, or answer pages; gzip too."""

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from pipeline.errors import ConfigError
from pipeline.posts import Post

GZIP_MAGIC = b"\x1f\x8b"


def read(path: Path, name: str) -> Iterator[Post]:
    """The posts of a file in its order; `name` is what messages call it.

    Raises ConfigError with the line for anything that is not a post, a page of posts or a list of them.
    """
    with _opened(path) as file:
        try:
            for line, value in _values(file, name):
                for item in _items(value):
                    yield _post(item, f"{name}, line {line}")
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ConfigError(f"{name}: broken gzip: {error}; fetch or pack it again") from None


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    return cast(IO[bytes], gzip.open(path)) if packed else path.open("rb")


def _values(file: IO[bytes], name: str) -> Iterator[tuple[int, Any]]:
    """(line, JSON value) for each line, or, if the first line is no value by itself, for each value."""
    seen = False
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            if not seen:  # a value over several lines, such as one page written for people to read
                yield from _spread(line + file.read(), name, number)
                return
            raise ConfigError(f"{name}, line {number}: {_say(error)}") from None
        seen = True
        yield number, value


def _spread(data: bytes, name: str, line: int) -> Iterator[tuple[int, Any]]:
    """(line, value) of JSON values with any space between them; `line` is the number of the first."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8 text (byte {error.start}); is this a posts file?") from None
    decoder, position = json.JSONDecoder(), 0
    while position < len(text):
        rest = _NO_SPACE.search(text, position)
        begin = rest.start() if rest else len(text)
        line += text.count("\n", position, begin)
        if begin == len(text):
            return
        try:
            value, position = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{name}, line {line}: {_say(error)}") from None
        yield line, value
        line += text.count("\n", begin, position)


def _say(error: Exception) -> str:
    what = "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else "not JSON"
    if isinstance(error, RecursionError):
        error = ValueError("nested too deeply")
    return f'{what} ({error}); each line must hold one post, such as {{"text": "Hello"}}'


def _items(value: Any) -> list[Any]:
    """The posts in a JSON value: a page's `data`, a list's members, or the value itself."""
    if isinstance(value, dict) and "text" not in value and ("data" in value or "meta" in value):
        value = value.get("data", [])
    return value if isinstance(value, list) else [value]


def _post(item: Any, where: str) -> Post:
    if not isinstance(item, dict):
        raise ConfigError(f"{where}: a post must be a JSON object, not {json.dumps(item)[:40]}")
    if "errors" in item and "text" not in item:
        raise ConfigError(f"{where}: an error that the API answered, not a post: {json.dumps(item['errors'])[:200]}")
    long = item.get("note_tweet") or item.get("note_post") or {}
    text = long.get("text") if isinstance(long, dict) else None
    text = next((t for t in (text, item.get("full_text"), item.get("text")) if t is not None), None)
    if not isinstance(text, str):
        raise ConfigError(f'{where}: a post must have "text"; this one has {", ".join(item) or "nothing"}')
    return Post(
        id=_sound(str(item.get("id") or item.get("id_str") or "")),
        text=_sound(text),
        created_at=str(item.get("created_at") or ""),
        lang=str(item.get("lang") or ""),
        retweet=_is_retweet(item, text),
    )


def _sound(text: str) -> str:
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
