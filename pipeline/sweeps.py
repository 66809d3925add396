"""A sweep: one way through an account's posts from the newest down, page by page."""

import dataclasses
import hashlib
from dataclasses import dataclass

SURPLUS = 1000  # posts beyond its own limit that a source may give before it is taken to go in circles


@dataclass(frozen=True)
class Sweep:
    """One way from the newest post down: to the end, or to what was known before."""

    anew: bool = False  # takes the place of all earlier ones when it is complete
    newer_than: str = ""  # the newest post that was known when it began
    pages: int = 0
    posts: int = 0
    newest: str = ""
    cursor: str = ""  # asks for the next page
    spare: str = ""  # came with the last page that had posts: leads on where the cursor is refused
    seen: tuple[str, ...] = ()  # digests of all cursors, to notice one that comes again
    complete: bool = False
    cut: str = ""  # why it ended before its end
    capped: bool = False  # whether it ended because nobody wanted more

    def with_page(
        self, ids: list[str], cursor: str, most: int | None, known: frozenset[str] = frozenset(), wanted: int = 0
    ) -> "Sweep":
        """The sweep with one more page; it is complete where nothing follows, or what is known already.

        What is known does not count again. `most` is what the source has, `wanted` what is wanted (0: all).
        """
        digest = hashlib.sha256(cursor.encode("utf-8", "replace")).hexdigest()[:16]
        posts = self.posts + sum(post not in known for post in ids)
        capped = bool(cursor and wanted and posts >= wanted)
        cut = ""
        if cursor and digest in self.seen:
            cut = "the source gave the same cursor twice"
        elif cursor and most and posts > most + SURPLUS:
            cut = f"the source gave more than the {most:,} posts that it has"
        return dataclasses.replace(
            self,
            pages=self.pages + 1,
            posts=posts,
            newest=self.newest or next(iter(ids), ""),
            cursor=cursor,
            spare=cursor if ids else self.spare,
            seen=(*self.seen, digest),
            complete=not cursor or capped or bool(cut) or not known.isdisjoint(ids),
            cut=cut,
            capped=capped,
        )
