"""Names that never change: a bot's id, a batch's name, a run's id."""

import re
from collections.abc import Iterable

from pipeline.config import RunConfig
from pipeline.handles import X_HANDLE, Account, parse

LONGEST_BOT_ID = 80
LONGEST_BATCH = 40


def bot_of(config: RunConfig) -> str:
    """The id of the bot that a run makes."""
    return bot_id(config.source, config.qualified)


def bot_id(source: str, handles: Iterable[str]) -> str:
    """The id of a group's bot: its sorted lower-case handles joined by `-`, whatever their sources.

    Where a handle is not an X user name, or the id would pass 80 characters, it is a slug and 8 hex
    digits of the source-qualified handles. X user names hold no `-`, so two groups never share an id.
    A handle that names no source of its own is at `source`.
    """
    accounts = sorted((parse(handle, source) for handle in handles), key=lambda account: account.key)
    names = [account.name.lower() for account in accounts]
    joined = "-".join(names)
    if len(joined) <= LONGEST_BOT_ID and all(X_HANDLE.fullmatch(name) for name in names):
        return joined
    qualified = "\n".join(f"{account.source}:{account.name.lower()}" for account in accounts)
    return with_digest(joined, qualified, LONGEST_BOT_ID)


def named(text: str) -> list[str]:
    """The handles in `a+b`, `@a` or `bluesky:a.com`, as the person wrote them but without @ and spaces around them."""
    return [_tidy(parse(handle, "")) for handle in text.split("+")]


def _tidy(account: Account) -> str:
    return f"{account.source}:{account.name}" if account.source else account.name


def run_id(config: RunConfig) -> str:
    """`<batch>-<8 hex of the config>`: the same batch, config and posts give the same run."""
    return f"{config.batch}-{config.fingerprint()[:8]}"


def has_config(run: str, fingerprint: str) -> bool:
    """Whether a run's id is that of a config, as far as its 8 hex digits tell; an empty hash is nobody's."""
    return bool(fingerprint) and run.rpartition("-")[2] == fingerprint[:8]


def batch_name(text: str) -> str:
    """A sound batch name from free text (a file's stem, a bot's id); text that is too long keeps a digest."""
    name = slug(text, keep="._")
    if len(name) > LONGEST_BATCH:
        return with_digest(name, name, LONGEST_BATCH)
    return name or "batch"


def with_digest(text: str, full: str, longest: int) -> str:
    """A slug of `text` cut to fit, and 8 hex digits of `full`: at most `longest` characters."""
    import hashlib

    digest = hashlib.sha256(full.encode()).hexdigest()[:8]
    head = slug(text)[: longest - 9].rstrip("-")
    return f"{head}-{digest}" if head else digest


def slug(text: str, keep: str = "") -> str:
    """Lower case, every run of other characters than a-z, 0-9 and `keep` as one `-`, none at the ends."""
    return re.sub(rf"[^a-z0-9{re.escape(keep)}]+", "-", text.lower()).strip(f"-{keep}")
