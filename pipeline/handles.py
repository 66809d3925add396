"""Whose posts: the forms in which sources name accounts, and `source:name` where a group has several sources."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pipeline import schema

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = rf"({_LABEL}\.)+[A-Za-z]([A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?"  # no address of a machine: those end in a number
BLUESKY = re.compile(rf"(?!.{{254}}){_DOMAIN}|did:plc:[a-z2-7]{{24}}|did:web:(?!.{{246}}){_DOMAIN}")
MASTODON = re.compile(rf"[A-Za-z0-9_]([A-Za-z0-9_.-]{{0,62}}[A-Za-z0-9_])?@(?!.{{254}}){_DOMAIN}")
X_HANDLE = re.compile(r"[A-Za-z0-9_]{1,15}")
# For posts from files also other sources' names: name.bsky.social, user@server
HANDLES = {
    "jsonl": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,252}"),
    "archive": X_HANDLE,
    "x": X_HANDLE,
    "bluesky": BLUESKY,
    "mastodon": MASTODON,
}
SOURCES = ("jsonl", "archive", "x", "bluesky", "mastodon")
FILES = ("jsonl", "archive")  # those whose posts are given as files
EXAMPLES = {
    "x": "jack",
    "archive": "jack",
    "jsonl": "jack, alice.bsky.social or alice@mastodon.social",
    "bluesky": "alice.bsky.social, alice.com or did:plc:ewvi7nxzyoun6zhxrhs64oiz",
    "mastodon": "alice@mastodon.social",
}


class Account(NamedTuple):
    """An account: the source that has it and its name there, as the person wrote it."""

    source: str
    name: str

    @property
    def key(self) -> tuple[str, str]:
        """What accounts are ordered by: the name, in lower case, before the source."""
        return self.name.lower(), self.source


def parse(text: str, source: str) -> Account:
    """The account that `bluesky:alice.bsky.social` names; one that names no source is at `source`."""
    prefix, colon, name = text.partition(":")
    if colon and _SOURCE.fullmatch(prefix.strip()) and prefix.strip() not in _OTHER_SCHEMES:
        return Account(prefix.strip(), bare(name))
    return Account(source, bare(text))


def bare(handle: str) -> str:
    """A handle without the @ and the spaces that a person may put before it."""
    return handle.strip().removeprefix("@")


def name(text: str) -> str:
    """The account's name in lower case, as handles are compared, whatever its source."""
    return parse(text, "").name.lower()


def names(group: str) -> list[str]:
    """The names of `a+bluesky:b`, ordered: what a group goes by, wherever its accounts are."""
    return sorted(map(name, group.split("+")))


def wrong_handles(source: str, given: Sequence[str]) -> list[schema.Problem]:
    """What is wrong with the handles of a group, as names of accounts at `source` or at the sources that they name."""
    accounts = [parse(handle, source) for handle in given]
    names = [account.name.lower() for account in accounts]
    problems = [found for found in map(_wrong_account, accounts) if found]
    problems += [f"@{name} is named twice" for name in sorted({name for name in names if names.count(name) > 1})]
    problems += [] if given else ["must name at least one handle"]
    return [schema.Problem(("handles",), problem) for problem in problems]


def _wrong_account(account: Account) -> str:
    if account.source not in SOURCES:
        return f"'{account.source}:{account.name}': '{account.source}' is no source; there are {', '.join(SOURCES)}"
    if HANDLES[account.source].fullmatch(account.name):
        return ""
    hint = f"one is {EXAMPLES[account.source]}"
    if "/" in account.name and HANDLES[account.source].fullmatch(last := account.name.rstrip("/").rpartition("/")[2]):
        hint = f"write {last}"
    return f"'{account.name}' is not a handle of source {account.source}; {hint}"


def main_source(accounts: Iterable[Account], source: str) -> str:
    """The source of a group: the one that all its accounts have, else the one that was asked for."""
    found = {account.source for account in accounts}
    return found.pop() if len(found) == 1 else source


def others(accounts: Iterable[Account], source: str) -> dict[str, str]:
    """By name in lower case, the sources of those accounts that are not at `source`."""
    return {account.name.lower(): account.source for account in accounts if account.source != source}


def qualified(names: Iterable[str], sources: Mapping[str, str]) -> tuple[str, ...]:
    """Handles, each with its source where `sources` (by handle in lower case) has one."""
    found = ((name, sources.get(name.lower())) for name in names)
    return tuple(f"{source}:{name}" if source else name for name, source in found)


_SOURCE = re.compile("[a-z]+")
_OTHER_SCHEMES = ("did", "http", "https")  # an account's own id; the address of its page, which is no handle
