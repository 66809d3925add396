"""Stage 1: every handle's posts, as one record type, frozen in the run."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator

from pipeline import layout
from pipeline.errors import ConfigError
from pipeline.posts import Post, Skipped, write_posts
from pipeline.sources import jsonl
from pipeline.stage import Context, Result


def run(context: Context) -> Result:
    """Read each handle's posts; a post that comes twice (same id) is taken once.

    Result: `handles` (for each: downloaded, duplicates, skipped, oldest, newest) and `fingerprint`, which is equal
    for the same files of posts.
    """
    handles = {handle: _scrape(context, handle) for handle in context.config.handles}
    digests = "\n".join(sorted(f"{handle.lower()} {found['sha256']}" for handle, found in handles.items()))
    return {"handles": handles, "fingerprint": hashlib.sha256(digests.encode()).hexdigest()}


def _scrape(context: Context, handle: str) -> Result:
    sha256 = context.config.posts.get(handle.lower())
    if not sha256:
        raise ConfigError(f"@{handle}: source '{context.config.source}' needs a posts file for each handle")
    path = context.local(layout.posts_file(sha256, "data"))
    index = json.loads(context.local(layout.posts_file(sha256, "index.json")).read_text(encoding="utf-8"))
    tally, skipped = _Tally(), Skipped()
    posts = jsonl.read(path, f"{index['name']} (posts of @{handle})", skipped if context.config.skip_bad else None)
    with context.writing(context.keys.posts(f"{handle.lower()}.jsonl.gz")) as written:
        count = write_posts(written, tally.watch(posts))
    context.report.line(f"scrape: @{handle}: {count:,} posts from {index['name']}{skipped}")
    counts = {"downloaded": count, "duplicates": tally.duplicates, "skipped": skipped.count}
    return {**counts, "sha256": sha256, **tally.dates()}


class _Tally:
    """Counts posts that pass by, and takes out those whose id has passed before, in flat memory."""

    def __init__(self) -> None:
        self.duplicates = 0
        self.oldest, self.newest = "", ""
        self.seen = sqlite3.connect("")  # a private file that vanishes with the connection
        self.seen.execute("create table seen (id text primary key) without rowid")

    def watch(self, posts: Iterator[Post]) -> Iterator[Post]:
        for post in posts:
            if self._is_new(post.id):
                self._date(post.created_at)
                yield post
            else:
                self.duplicates += 1

    def dates(self) -> dict[str, str]:
        return {"oldest": self.oldest, "newest": self.newest}

    def _is_new(self, post_id: str) -> bool:
        return not post_id or self.seen.execute("insert or ignore into seen values (?)", (post_id,)).rowcount == 1

    def _date(self, created_at: str) -> None:
        if created_at[:4].isdigit():  # ISO 8601 sorts as text
            self.oldest = min(self.oldest or created_at, created_at)
            self.newest = max(self.newest, created_at)
