"""`htctl card`: a bot's model card, one of the original's, one put right, one checked."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from htctl import options, output
from pipeline import published
from pipeline.errors import ConfigError, HtctlError, StoreError
from pipeline.layout import RunKeys
from pipeline.settings import CARDS
from pipeline.store import Store
from pipeline.store.objects import read_json

USES = "name a BOT, or one of --data, --repair and --check"


def card(
    bot: Annotated[str, typer.Argument(help="A bot's id, or its handles joined by +.", show_default=False)] = "",
    template: Annotated[
        str, typer.Option("--template", metavar="NAME", help=f"Write it anew: {', '.join(CARDS)}.")
    ] = "",
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FILE", help="Write an original card from these numbers (JSON).")
    ] = None,
    repair: Annotated[
        Path | None, typer.Option("--repair", metavar="FILE", help="Put a card's broken letters right.")
    ] = None,
    in_place: Annotated[bool, typer.Option("-i", "--in-place", help="With --repair: change the file.")] = False,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="FILE", help="What the Hub would refuse in a card.")
    ] = None,
    store: options.StoreOption = "",
    format_: options.OutputOption = "",
) -> int:
    """Print a bot's model card; write, repair or check one."""
    as_json = options.wants_json(format_)
    _check_options(bot, template, data, repair, in_place, check, as_json)
    if check:
        return _check(check, as_json)
    if repair:
        return _repair(repair, in_place)
    text = _of_data(data, template) if data else _of_bot(options.existing_store(store), bot, template)
    output.document(text)
    return 0


def _check_options(
    bot: str,
    template: str,
    data: Path | None,
    repair: Path | None,
    in_place: bool,
    check: Path | None,
    as_json: bool,
) -> None:
    """Refuse what does not go together, rather than leave a part of it out."""
    if sum(map(bool, (bot, data, repair, check))) != 1:
        raise ConfigError(USES)
    if template and template not in CARDS:
        raise ConfigError(f"--template {template}: must be one of {', '.join(CARDS)}")
    if template and not (bot or data):
        raise ConfigError("--template goes with a BOT or --data")
    if in_place and not repair:
        raise ConfigError("-i goes with --repair")
    if as_json and not check:
        raise ConfigError("-o json goes with --check")


def _of_bot(store: Store, given: str, template: str) -> bytes:
    """The card that lies beside the weights, or one by another template from what the run's stages found."""
    keys = published.current_run(store, options.existing_bot(store, given))
    if not template:
        found = store.read(keys.model("README.md"))
        if found is None:
            raise StoreError(f"{store.place(keys.model('README.md'))} is missing; --template writes it anew")
        return found.data
    from pipeline.cards import TEMPLATES, facts

    if adopted := read_json(store, keys.config).get("adopted"):
        return _of_adopted(store, keys, adopted, template)
    return TEMPLATES[template](facts.of_run(store, keys)).encode()


def _of_adopted(store: Store, keys: RunKeys, adopted: Mapping[str, Any], template: str) -> bytes:
    """The card of a bot that was made elsewhere, by another of huggingtweets' templates: it has these numbers only."""
    from pipeline.cards import original

    if template not in original.GENERATIONS or not adopted["card"]:
        why = f"only {_generations()} can" if adopted["card"] else "its card told no numbers, so none can"
        raise ConfigError(f"--template {template}: {keys.bot} was adopted, from its old card; {why} be written of it")
    given = original.parse(json.dumps(adopted["card"]), store.place(keys.config))
    return original.write(dataclasses.replace(given, template=template)).encode()


def _of_data(path: Path, template: str) -> bytes:
    from pipeline.cards import original

    given = original.parse(_text(path), str(path))
    if template:
        if template not in original.GENERATIONS:
            raise ConfigError(f"--template {template}: its card needs a run; --data writes {_generations()}")
        given = dataclasses.replace(given, template=template)
    return original.write(given).encode()


def _generations() -> str:
    return ", ".join(CARDS[1:])


def _repair(path: Path, in_place: bool) -> int:
    from pipeline.cards import mojibake

    found = _text(path)
    try:
        text, codecs = mojibake.repair(found)
    except HtctlError as error:
        raise HtctlError(f"{path}: {error}") from None
    if codecs:
        output.note(f"{path}: UTF-8 that was read as {', then as '.join(reversed(codecs))}; put right")
    else:
        output.note(f"{path}: sound; its letters are not those of UTF-8 read as {' or '.join(mojibake.CODECS)}")
    if not in_place:
        output.document(text.encode())
    elif codecs:
        _write(path, text.encode())
    return 0


def _check(path: Path, as_json: bool) -> int:
    from pipeline import schema
    from pipeline.cards import hub

    problems = hub.check(_text(path))
    if as_json:
        output.data([{"path": schema.spell(problem.path), "problem": problem.text} for problem in problems])
    else:
        for problem in problems:
            output.line(f"{path}: {problem}")
        if not problems:
            output.note(f"{path}: nothing that the Hub is known to refuse")
    return 1 if problems else 0


def _text(path: Path) -> str:
    """A file's text to the byte, line ends included."""
    try:
        return path.expanduser().read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8 first") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None


def _write(path: Path, data: bytes) -> None:
    """The file replaced as a whole, its rights kept."""
    import shutil

    target = path.expanduser().resolve()
    half = target.with_name(f".{target.name}.htctl")
    try:
        half.write_bytes(data)
        shutil.copymode(target, half)
        half.replace(target)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
