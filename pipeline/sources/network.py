"""What a source that is asked over the network must be able to do; how its answers are kept is not its business."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from pipeline.accounts import Profile as Profile
from pipeline.errors import AccountError, SourceRefusedError
from pipeline.posts import Post


class Page(NamedTuple):
    """One answer of posts, read: newest first, as all sources give them."""

    posts: Sequence[Post]
    cursor: str  # asks for the page after this one; "" where there is none


class CursorRefusedError(SourceRefusedError):
    """The source no longer takes a cursor that it gave; the one before it may still lead on."""


class OddAnswerError(SourceRefusedError):
    """The source refuses something of one account, for no reason that is known; others it may answer well."""


class PerhapsGoneError(AccountError):
    """The source answers as if there were no such account, but not in so many words: a wrong address would, too."""


class TakenBackError(AccountError):
    """A sound answer about the account says that its posts are not for everybody (any more): it needs no second."""


class Source(Protocol):
    """A source: two questions that cost a request (and perhaps money), and two readings that cost nothing.

    The questions give the answer's body (JSON) as it came, so that it can be kept before anybody reads it; what is
    no such answer (unknown, suspended, protected, refused, not now) is raised as an HtctlError with its exit code. A
    reading never asks anything: it must work on a body that was kept years ago.

    AccountError is for what the source says of the account, and for nothing else: where both questions end with it, the
    account's posts may be removed from the store (PerhapsGoneError apart).
    """

    name: str  # as in `source:` of a batch file and in the store's keys

    def look_up(self, handle: str) -> bytes:
        """The account's profile."""

    def page(self, profile: Profile, cursor: str, newer_than: str) -> bytes:
        """The newest posts of an account or, with a cursor, those after it; with `newer_than` (a post's id, else "")
        only such as came after that post, where the source can."""

    def read_profile(self, body: bytes) -> Profile:
        """What `look_up` answered."""

    def read_page(self, body: bytes) -> Page:
        """What `page` answered."""


@runtime_checkable
class LooksUpMany(Protocol):
    """A source that answers about many accounts in one question."""

    accounts_at_once: int

    def look_up_all(self, handles: Sequence[str]) -> None:
        """Ask about so many accounts, for the first `look_up` of each of them that there is; the others are left to it,
        which says why."""
