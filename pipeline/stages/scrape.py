"""Stage 1: every handle's posts, as one record type, frozen in the run."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator

from pipeline import accounts, fetching, layout, pages, sources
from pipeline.accounts import prices
from pipeline.errors import ConfigError
from pipeline.posts import Post, Skipped, write_posts
from pipeline.sources import jsonl
from pipeline.stage import Context, Result
from pipeline.terms import Terms

ABOUT = ("id", "name", "description", "avatar", "created_at", "followers")  # of a profile


def run(context: Context) -> Result:
    """Read each handle's posts; a post that comes twice (same id) is taken once.

    Result: `handles` (for each: downloaded, duplicates, skipped, oldest, newest; where a source was asked, also who
    the account is, and what was asked and paid for it) and `fingerprint`, which is equal for the same posts.
    """
    handles = {handle: _scrape(context, handle) for handle in context.config.handles}
    digests = "\n".join(sorted(f"{handle.lower()} {found['sha256']}" for handle, found in handles.items()))
    return {"handles": handles, "fingerprint": hashlib.sha256(digests.encode()).hexdigest()}


def _scrape(context: Context, handle: str) -> Result:
    sha256 = context.config.posts.get(handle.lower())
    if sha256:
        return _of_file(context, handle, sha256)
    if context.config.source_of(handle) in sources.NETWORK:
        return _of_account(context, handle)
    raise ConfigError(f"@{handle}: source '{context.config.source_of(handle)}' needs a posts file for each handle")


def _of_file(context: Context, handle: str, sha256: str) -> Result:
    path = context.local(layout.posts_file(sha256, "data"))
    index = json.loads(context.local(layout.posts_file(sha256, "index.json")).read_text(encoding="utf-8"))
    skipped = Skipped()
    posts = jsonl.read(path, f"{index['name']} (posts of @{handle})", skipped if context.config.skip_bad else None)
    tally = _freeze(context, handle, posts)
    context.report.line(f"scrape: @{handle}: {tally.count:,} posts from {index['name']}{skipped}")
    return {**tally.counts(), "skipped": skipped.count, "sha256": sha256, **tally.dates()}


def _of_account(context: Context, handle: str) -> Result:
    """The account's posts as they are in the store; asked of the source where they are not."""
    config = context.config
    source = sources.opened(config.source_of(handle), context.report.line)
    wanted = config.scrape.posts
    terms = Terms(prices(source.name, config.scrape), config.limits.lease_seconds, posts=wanted)
    account = fetching.fetch(source, handle, context.shared, terms, context.report)
    tally = _freeze(context, handle, pages.posts(source, handle, context.shared, account))
    context.report.line(f"scrape: @{handle}: {tally.count:,} posts from {source.name}{accounts.paid(account)}")
    profile = account.profile._asdict()
    about = {name: profile[name] for name in ABOUT} | {"requests": account.requests, "spent": account.spent}
    about |= {"taken": account.taken}  # by then: more when the bot is published tells that it has some of them
    return {**tally.counts(), "skipped": 0, "sha256": tally.sha256, **tally.dates(), **about}


def _freeze(context: Context, handle: str, posts: Iterator[Post]) -> "_Tally":
    """The posts that this run is about, whatever becomes of where they came from."""
    tally = _Tally()
    with context.writing(context.keys.posts(f"{handle.lower()}.jsonl.gz")) as written:
        write_posts(written, tally.watch(posts))
    return tally


class _Tally:
    """Counts posts that pass by, and takes out those whose id has passed before, in flat memory."""

    def __init__(self) -> None:
        self.count = self.duplicates = 0
        self.digest = hashlib.sha256()
        self.oldest, self.newest = "", ""
        self.seen = sqlite3.connect("")  # a private file that vanishes with the connection
        self.seen.execute("create table seen (id text primary key) without rowid")

    def watch(self, posts: Iterator[Post]) -> Iterator[Post]:
        for post in posts:
            if self._is_new(post.id):
                self._date(post.created_at)
                self.count += 1
                self.digest.update(json.dumps(post).encode())  # all in ASCII: any text has a digest
                yield post
            else:
                self.duplicates += 1

    @property
    def sha256(self) -> str:
        """Of the posts that have passed, however they came: in files, or in pages of any size."""
        return self.digest.hexdigest()

    def counts(self) -> dict[str, int]:
        return {"downloaded": self.count, "duplicates": self.duplicates}

    def dates(self) -> dict[str, str]:
        return {"oldest": self.oldest, "newest": self.newest}

    def _is_new(self, post_id: str) -> bool:
        return not post_id or self.seen.execute("insert or ignore into seen values (?)", (post_id,)).rowcount == 1

    def _date(self, created_at: str) -> None:
        if created_at[:4].isdigit():  # ISO 8601 sorts as text
            self.oldest = min(self.oldest or created_at, created_at)
            self.newest = max(self.newest, created_at)
