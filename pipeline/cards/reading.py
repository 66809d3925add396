"""Reads a card of huggingtweets back into what it was filled with: the other direction of `original.py`."""

import html
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from pipeline.cards.original import GENERATIONS, Account, Given
from pipeline.handles import X_HANDLE

ANOTHER = "it is the card of "
ROWS = {"downloaded": "Tweets downloaded", "retweets": "Retweets", "short": "Short tweets", "kept": "Tweets kept"}


class Found(NamedTuple):
    """What a card tells: whose bot it is, in the order of its columns as far as that is known, and its numbers."""

    handles: tuple[str, ...]
    given: Given | None
    why: str = ""  # why there are no numbers
    ordered: bool = True  # whether the columns are known to be these handles'; a cyborg's card does not tell


def is_card(text: str) -> bool:
    """Whether a text is a card that huggingtweets wrote; one of ours in its form says that it is not."""
    return "I was made with [huggingtweets](" in text


def read(text: str, handles: Sequence[str] = ()) -> Found:
    """What a card was filled with; `handles`, where a person gives them, are in the order of its columns.

    `original.write` makes the card of it again, to the byte where its names needed no escape.
    """
    own = _handles(text)
    names = tuple(handles) or own
    if not is_card(text):
        return Found(names, None, "it is no card of huggingtweets")
    if own and sorted(map(str.lower, names)) != sorted(map(str.lower, own)):
        return Found(names, None, f"{ANOTHER}{' and '.join(f'@{handle}' for handle in own)}")
    numbers = {field: _row(text, label) for field, label in ROWS.items()}
    accounts, why = _accounts(text, names, numbers)
    if why:
        return Found(names, None, why)
    given = Given(
        template=_generation(text),
        accounts=accounts,
        thumbnail="" if _generation(text) == GENERATIONS[0] else _first(r"^thumbnail: (\S+)$", text),
        preprocess=_first(r"\[Explore the data\]\((\S+)/artifacts\)", text),
        training=_first(r"\[W&B training run\]\((\S+)\)", text),
    )
    return Found(names, given, "", len(names) == 1 or bool(handles))


def made(given: Given) -> str:
    """The day on which a card's picture was made, which its address tells; "" where it does not."""
    stamp = _first(r"/([0-9]{13})/predictions\.png$", given.thumbnail)
    return datetime.fromtimestamp(int(stamp) / 1000, UTC).date().isoformat() if stamp else ""


def _generation(text: str) -> str:
    if "<section class='prose'>" in text:
        return GENERATIONS[0]
    return GENERATIONS[2] if 'class="inline-flex flex-col"' in text else GENERATIONS[1]


def _handles(text: str) -> tuple[str, ...]:
    """The handles in the bot's name: those of X hold no `-`, which joins them."""
    title = _first(r'font-size: 1[45]px[^">]*">@([A-Za-z0-9_-]+)(?: bot)?</div>', text)
    found = (title or _first(r"'huggingtweets/([A-Za-z0-9_-]+)'", text)).split("-")
    return tuple(found) if all(map(X_HANDLE.fullmatch, found)) else ()


def _accounts(text: str, handles: Sequence[str], numbers: dict[str, list[int]]) -> tuple[tuple[Account, ...], str]:
    """The accounts, or why they cannot be told."""
    missing = [ROWS[field] for field, found in numbers.items() if not found]
    if missing:
        return (), f"it does not tell: {', '.join(missing)}"
    count = len(handles)
    if any(len(found) != count for found in numbers.values()):
        return (), f"its table has not one column for each of {count} handles"
    names, avatars = _names(text, count), _avatars(text)
    if len(names) != count:
        return (), "which name is whose cannot be told"
    columns = [{field: found[index] for field, found in numbers.items()} for index in range(count)]
    if any(one["downloaded"] - one["retweets"] - one["short"] != one["kept"] for one in columns):
        return (), "its numbers do not add up"
    avatars += [""] * (count - len(avatars))
    told = zip(handles, names, avatars, columns, strict=False)
    return tuple(Account(handle=handle, name=name, avatar=avatar, **one) for handle, name, avatar, one in told), ""


def _row(text: str, label: str) -> list[int]:
    """The numbers beside a label, in a table of Markdown or of HTML."""
    if found := re.search(rf"^\| {label} \|((?: [0-9]{{1,9}} \|)+)$", text, re.MULTILINE):
        return [int(number) for number in found[1].split("|")[:-1]]
    cells = re.search(rf"<td[^>]*>{label}</td>\s*((?:<td[^>]*>[0-9]{{1,9}}</td>\s*)+)", text)
    return [int(number) for number in re.findall(r">([0-9]+)<", cells[1])] if cells else []


def _names(text: str, count: int) -> list[str]:
    """The display names, from the header, else from the table's head."""
    bot = _first(r'font-size: 19px; font-weight: 800">(.*) 🤖 AI Bot </div>$', text)
    shown = bot or _first(r'font-size: 16px; font-weight: 800">(?!🤖 AI (?:BOT|CYBORG) 🤖<)(.*)</div>$', text)
    found = [html.unescape(name) for name in (shown.split(" & ") if count > 1 else [shown]) if name]
    if len(found) == count:
        return found
    head = _first(r"^\| Data \| (.*) \|$", text)
    return [_plain(name) for name in re.split(r"(?<!\\) \| ", head)]


def _plain(markdown: str) -> str:
    """A text that was escaped for Markdown as it was before."""
    return html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown))


def _avatars(text: str) -> list[str]:
    found = re.findall(r"background-image: url\((?:'|&#39;)(.*?)(?:'|&#39;)\)", text)
    return [html.unescape(address) for address in found if address]


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1] if found else ""
