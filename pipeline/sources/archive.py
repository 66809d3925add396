"""Posts from the archive that X gives to an account's owner, as the zip or unpacked, in its old and new forms.

It holds direct messages, addresses and telephone numbers too. Only the files named here are opened.
"""

import html
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.errors import ConfigError
from pipeline.posts import Post, Skipped
from pipeline.sources import bundle, jsonstream
from pipeline.sources.bundle import Bundle


def is_archive(path: Path) -> bool:
    """Whether posts are given as an archive: a folder, or a zip by its first bytes or its name."""
    return bundle.is_bundle(path)


def check(path: Path, handle: str) -> None:
    """Raises ConfigError where the archive has no posts or is another account's; reads no posts."""
    with bundle.opened(path) as files:
        _check_owner(path, files, _parts(path, files.names()), handle)


def read(path: Path, handle: str, skipped: Skipped | None = None) -> Iterator[Post]:
    """The posts of `handle`'s archive in its order, texts as they came.

    Raises ConfigError with the file and about where; what is sound JSON and no post is noted in `skipped`,
    where there is one.
    """
    with bundle.opened(path) as files:
        parts = _parts(path, files.names())
        _check_owner(path, files, parts, handle)
        notes = _Notes(item for name in parts.notes for item in _items(path, files, name))
        for name in parts.posts:
            for number, item in enumerate(_items(path, files, name), 1):
                tweet = _inner(item, "tweet")
                text = next((tweet[key] for key in ("full_text", "text") if key in tweet), None)
                if isinstance(text, str):
                    yield _post(tweet, text, notes)
                elif skipped is None:
                    problem = "a post must have full_text; --skip-bad leaves such posts out"
                    raise ConfigError(f"{path}: {name}: item {number:,}: {problem}")
                else:
                    skipped.add(number)


class _Parts(NamedTuple):
    """The names of the files that are read, each kind in the order of its parts."""

    posts: list[str]
    notes: list[str]
    account: list[str]


def _parts(path: Path, names: Iterable[str]) -> _Parts:
    by_folder: dict[str, list[str]] = {}
    for name in names:
        folder, _, file = name.rpartition("/")
        if _FILE.fullmatch(file):
            by_folder.setdefault(folder, []).append(file)
    with_posts = [folder for folder, files in by_folder.items() if any(map(_POSTS.fullmatch, files))]
    for form in _FOLDERS:
        found = [folder for folder in with_posts if form.fullmatch(folder)]
        if len(found) > 1:
            raise ConfigError(f"{path}: holds several archives: {', '.join(sorted(found))}; give one of them")
        if found:
            kinds = ([name for name in by_folder[found[0]] if kind.fullmatch(name)] for kind in _KINDS)
            return _Parts(*([f"{found[0]}/{name}".lstrip("/") for name in sorted(kind, key=_order)] for kind in kinds))
    raise ConfigError(f"{path}: not X's archive, which has its posts in data/tweets.js (older ones: data/tweet.js)")


def _order(name: str) -> tuple[int, str]:
    return len(name), name  # part2 before part10


def _items(path: Path, files: Bundle, name: str) -> Iterator[Any]:
    with files.open(name) as read:
        yield from jsonstream.members(read, f"{path}: {name}")


def _inner(item: Any, wrapper: str) -> dict[str, Any]:
    """What is in an item, with or without its wrapper; empty where it is no object."""
    inner = item.get(wrapper, item) if isinstance(item, dict) else {}
    return inner if isinstance(inner, dict) else {}


def _check_owner(path: Path, files: Bundle, parts: _Parts, handle: str) -> None:
    for name in parts.account:
        for item in _items(path, files, name):
            owner = _inner(item, "account").get("username")
            if isinstance(owner, str) and owner.lower() != handle.lower():
                raise ConfigError(f"{path} is the archive of @{owner}, not of @{handle}")


def _post(tweet: dict[str, Any], text: str, notes: "_Notes") -> Post:
    created_at = _iso(tweet.get("created_at"))
    retweet = text.startswith("RT @")  # the only mark: `retweeted` is false for retweets too
    return Post(
        id=str(tweet.get("id_str") or tweet.get("id") or ""),
        text=text if retweet else _whole(text, notes.of(created_at)),
        created_at=created_at,
        lang=str(tweet.get("lang") or ""),
        retweet=retweet,
    )


def _iso(created_at: Any) -> str:
    """`Wed Oct 10 20:19:24 +0000 2018` as ISO 8601; "" where it is not of that form."""
    found = _CREATED.fullmatch(created_at) if isinstance(created_at, str) else None
    if not found or found["month"] not in _MONTHS:
        return ""
    return f"{found['year']}-{_MONTHS.index(found['month']) + 1:02}-{found['day']}T{found['time']}.000Z"


class _Notes:
    """The whole texts of long posts by the second in which they were made, in flat memory.

    A note has an id of its own, so the second is all that ties it to its post.
    """

    def __init__(self, items: Iterable[Any]) -> None:
        self.kept = sqlite3.connect("")  # a private file that vanishes with the connection
        self.kept.execute("create table notes (second text, text text)")  # JSON: half a surrogate pair is no UTF-8
        self.kept.executemany("insert into notes values (?, ?)", self._rows(items))
        self.kept.execute("create index by_second on notes (second)")

    def of(self, created_at: str) -> list[str]:
        found = self.kept.execute("select text from notes where second = ?", (created_at[:19],))
        return [json.loads(text) for (text,) in found]

    def _rows(self, items: Iterable[Any]) -> Iterator[tuple[str, str]]:
        for item in items:
            note = _inner(item, "noteTweet")
            text, created_at = _inner(note.get("core"), "").get("text"), note.get("createdAt")
            if isinstance(text, str) and isinstance(created_at, str) and created_at:
                yield created_at[:19], json.dumps(text)


def _whole(text: str, notes: list[str]) -> str:
    """The note that `text` is the beginning of; `text` itself where there is none."""
    if not notes:
        return text
    plain = _plain(text)
    begin = plain.removesuffix("…").rstrip()
    if len(notes) == 1 and begin != plain:
        return notes[0]
    return next((note for note in notes if begin and _plain(note).startswith(begin)), text)


def _plain(text: str) -> str:
    """Without what may differ between a post and its note: links, entities, spaces."""
    return " ".join(_LINK.sub("", html.unescape(text)).split())


_POSTS = re.compile(r"tweets?(-part\d+)?\.js")
_KINDS = (_POSTS, re.compile(r"note-tweet(-part\d+)?\.js"), re.compile(r"account\.js"))
_FILE = re.compile("|".join(kind.pattern for kind in _KINDS))
# Where they lie: today's form, the oldest, and both under one folder that was zipped as a whole.
_FOLDERS = tuple(map(re.compile, ("data", "", "[^/]+/data", "[^/]+")))
_CREATED = re.compile(r"\w{3} (?P<month>\w{3}) (?P<day>\d\d) (?P<time>\d\d:\d\d:\d\d) \+0000 (?P<year>\d{4})", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LINK = re.compile(r"https?://\S+")
