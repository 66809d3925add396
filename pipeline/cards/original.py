"""The three forms in which huggingtweets wrote its cards: from given numbers to the byte, or from a run's facts.

Their header is HTML and a display name stands in it, in Markdown and in a table's head. Each goes through
its escape, which leaves letters, spaces, commas and emoji as they are. The one bare `&` in the original's
cards is the templates' own ` & ` between names: HTML reads it as itself, because a space follows; that of
a name is written `&amp;`. Without the escapes a name such as `<script>` or `a | b` is markup.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from pipeline import schema
from pipeline.basemodels import is_on_hub, public_name
from pipeline.cards import escape, metadata, templates
from pipeline.errors import ConfigError
from pipeline.handles import X_HANDLE
from pipeline.identity import bot_id
from pipeline.layout import is_adopted
from pipeline.settings import CARDS

GENERATIONS = CARDS[1:]
SLOTS = 3  # avatars that the last form has room for, used or not


@dataclass(frozen=True, kw_only=True)
class Account:
    """One account as a card shows it: its name and picture ("" for none), and the counts of its posts."""

    handle: str
    name: str
    avatar: str = ""
    downloaded: int
    retweets: int
    short: int
    kept: int


@dataclass(frozen=True, kw_only=True)
class Given:
    """What an original card was filled with, as `htctl card --data` reads it."""

    template: str
    accounts: tuple[Account, ...]
    thumbnail: str = ""
    preprocess: str = ""  # the W&B run that made the dataset
    training: str = ""  # the W&B run that trained


@dataclass(frozen=True, kw_only=True)
class Card(Given):
    """A card to be written. Of a run of ours it has `about`, what the original's own words would be false about."""

    bot: str
    about: dict[str, Any] | None = None

    @property
    def title(self) -> str:
        """The handle or handles as the header has them."""
        handles = [account.handle for account in self.accounts]
        return f"@{self.bot}" if all(map(X_HANDLE.fullmatch, handles)) else " & ".join(f"@{h}" for h in handles)

    @property
    def avatars(self) -> list[str]:
        """The pictures in X's larger size."""
        return [account.avatar.replace("_normal.", "_400x400.") for account in self.accounts]

    @property
    def slots(self) -> list[str]:
        """The pictures, and "" for each slot that is not used."""
        found = [avatar for avatar in self.avatars if escape.url(avatar)]
        return found + [""] * max(SLOTS - len(found), 0)


def parse(text: str, name: str) -> Given:
    """The numbers, names and links of a card from JSON; raises ConfigError with every problem, naming `name`."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name} is not JSON: {error}") from None
    problems = [*schema.check(Given, data), *_missing(Given, data, ())]
    items = data.get("accounts") if isinstance(data, Mapping) else None
    for index, item in enumerate(items if isinstance(items, list) else []):
        problems += _missing(Account, item, ("accounts", index))
    if not problems:
        problems = _impossible(data)
    if problems:
        raise ConfigError(f"{name}: {'; '.join(map(str, problems))}")
    accounts = tuple(Account(**item) for item in data["accounts"])
    return Given(**{**data, "accounts": accounts})


def write(given: Given) -> str:
    """The card as huggingtweets would have written it."""
    return _render(Card(**vars(given), bot=bot_id("jsonl", [account.handle for account in given.accounts])))


def of_run(template: str, facts: Mapping[str, Any]) -> str:
    """The card of a run of ours in an original form; what a run has not (W&B's links, pictures) is left out.

    A display name and a picture are shown where scrape found them, else the handle stands for the name.
    """
    accounts = tuple(_account(facts, handle) for handle in facts["config"].handles)
    base = facts["config"].base_model
    about = {
        "metadata": metadata.block(facts),
        "run": facts["run"],
        "base_model": public_name(base),
        "on_hub": is_on_hub(base) and "/" in base,
        "adopted": is_adopted(base),
        "prompt": facts["config"].generate.prompt,
        "before": facts["train"]["before"],
        "after": facts["train"]["after"],
        "heldout": facts["dataset"]["heldout"]["posts"],
        "copies": facts["generate"]["copies"],
    }
    links = facts["links"]
    shown = {"preprocess": links.get("preprocess", ""), "training": links.get("train", "")}
    return _render(Card(template=template, accounts=accounts, bot=facts["bot"], about=about, **shown))


def _render(card: Card) -> str:
    return templates.render(f"{card.template}.md.j2", card=card, run=card.about)


def _account(facts: Mapping[str, Any], handle: str) -> Account:
    found, counts = facts["scrape"]["handles"][handle], facts["clean"]["handles"][handle]
    numbers = {name: counts[name] for name in ("downloaded", "retweets", "short", "kept")}
    return Account(handle=handle, name=found.get("name") or handle, avatar=found.get("avatar", ""), **numbers)


def _missing(cls: type[Any], data: Any, path: schema.Path) -> list[schema.Problem]:
    if not isinstance(data, Mapping):
        return []
    needed = [field.name for field in fields(cls) if field.default is MISSING]
    return [schema.Problem((*path, name), "is missing") for name in needed if name not in data]


def _impossible(data: Mapping[str, Any]) -> list[schema.Problem]:
    """What is wrong with data whose every value is sound by itself."""
    problems = []
    if data["template"] not in GENERATIONS:
        problems.append(schema.Problem(("template",), f"must be one of {', '.join(GENERATIONS)}"))
    if not data["accounts"]:
        problems.append(schema.Problem(("accounts",), "must name at least one account"))
    for index, item in enumerate(data["accounts"]):
        left = item["downloaded"] - item["retweets"] - item["short"]
        if left != item["kept"]:
            text = f"is {item['kept']}, but downloaded - retweets - short is {left}"
            problems.append(schema.Problem(("accounts", index, "kept"), text))
    return problems
