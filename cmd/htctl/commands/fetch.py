"""`htctl fetch`: a published bot's folder out of the store, whole or not at all.

It is put together in a hidden folder beside, which a killed fetch leaves and the next one goes on with.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from htctl import batches, options, output
from pipeline import layout, published
from pipeline.errors import ConfigError, StoreError
from pipeline.layout import RunKeys
from pipeline.store import Entry, Store, disk

POINTER = "pointer.json"  # what the parts beside are of
LOCK = "lock"


def fetch(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="[BOT]... DIR",
            help="A bot's id or its handles joined by +, and where to put it.",
            show_default=False,
        ),
    ],
    file: options.FileOption = None,
    batch: Annotated[str, typer.Option("--batch", help="All bots of a batch that was submitted, by its name.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a bot that is in DIR.")] = False,
    store: options.StoreOption = "",
) -> int:
    """Copy published bots (weights, tokenizer, card) from the store into a folder.

    One goes into DIR, several go into DIR/BOT each. With -f or --batch: all bots of the batch, or those named.
    Exit code 1: one of them is not published.
    """
    *bots, folder = names
    of_batch = file is not None or bool(batch)
    if not bots and not of_batch:
        raise ConfigError("say which bot, and where to put it: htctl fetch BOT DIR; a whole batch: --batch NAME DIR")
    asked = batches.find(file, batch)
    opened = options.existing_store(store, asked.store)
    target = Path(folder).expanduser().resolve()
    if not of_batch and len(bots) == 1:
        _fetch(opened, options.existing_bot(opened, bots[0]), target, force)
        return 0
    wanted = _of_batch(opened, asked.name, bots) if of_batch else [options.existing_bot(opened, bot) for bot in bots]
    missing = [bot for bot in wanted if not published.pointer(opened, bot)]
    for bot in wanted:
        if bot not in missing:
            _fetch(opened, bot, target / bot, force)
    if missing:
        output.error(f"not published yet: {output.some(missing)}; htctl status says why")
    return int(bool(missing))


def _of_batch(store: Store, batch: str, wanted: list[str]) -> list[str]:
    """The bots of a batch that was submitted from this store, or those of them that are wanted."""
    groups, _ = batches.submitted(store, batch)
    keep = batches.keeping(wanted, "")
    found = [group.bot for group in groups if keep(group)]
    if not found:
        which = f" with {' '.join(wanted)}" if wanted else ""
        raise ConfigError(f"no batch '{batch}'{which} was submitted from the store {store.address} (--store)")
    return found


def _fetch(store: Store, bot: str, target: Path, force: bool) -> None:
    keys = published.current_run(store, bot)
    files = list(store.list(keys.model("")))
    if not files:
        raise StoreError(f"{store.place(keys.model(''))}: nothing is there")
    _check(target, {_name(keys, entry) for entry in files}, force)
    with _faults(target), _beside(target) as parts:
        total = sum(entry.size for entry in files)
        _forget_others(store, keys, files, parts)
        with output.progress(f"fetch {keys.bot}", total, lambda: _size(parts)):
            for entry in files:
                _bring(store, entry, parts)
        _put_in_place(parts / keys.model("").rstrip("/"), target)
    output.line(f"{keys.bot}: {len(files)} files, {output.size(total)}, in {target}")
    output.line(f"in Python: from transformers import pipeline; pipeline('text-generation', model={str(target)!r})")


def _check(target: Path, names: set[str], force: bool) -> None:
    """Refuse to write over what may be dear to somebody: only a bot's own files are ever replaced."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not target.is_dir():
        raise ConfigError(f"{target} is a file; name a folder")
    if not force:
        raise ConfigError(f"{target} is not empty; name another folder, or --force replaces a bot that is there")
    others = sorted({path.name for path in target.iterdir()} - {name.partition("/")[0] for name in names})
    if others:
        raise ConfigError(f"{target} holds more than a bot ({', '.join(others[:3])}); empty it or name another folder")


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """The hidden folder in which the files come together; gone when all went well."""
    parts = target.with_name(f".{target.name}.htctl-fetch")
    parts.mkdir(parents=True, exist_ok=True)
    try:
        with disk.locked(parts / LOCK, 0):
            yield parts
            shutil.rmtree(parts)
    except disk.HeldError:
        raise ConfigError(f"another htctl fetch is writing {target}; wait for it, or name another folder") from None


def _forget_others(store: Store, keys: RunKeys, files: list[Entry], parts: Path) -> None:
    """Keep what an earlier fetch of this very bot has brought whole; drop all else that it left."""
    pointer = store.read(layout.latest(keys.bot))
    of = pointer.data if pointer else b""
    known = {parts / entry.key: entry.size for entry in files}
    same = (parts / POINTER).is_file() and (parts / POINTER).read_bytes() == of
    for path in [path for path in parts.rglob("*") if path.is_file() and path.name != LOCK]:
        if not same or known.get(path) != path.stat().st_size:
            path.unlink()
    (parts / POINTER).write_bytes(of)


def _bring(store: Store, entry: Entry, parts: Path) -> None:
    """One file of the bot, whole under its key in `parts`."""
    path = parts / entry.key
    if path.is_file():
        return
    found = store.local(entry.key, parts)
    if found != path:  # a folder's own file
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name(f".{path.name}")
        shutil.copyfile(found, half)
        half.replace(path)
    if path.stat().st_size != entry.size:
        raise StoreError(f"{store.place(entry.key)} changed while it was fetched; run again")


def _put_in_place(made: Path, target: Path) -> None:
    """The new folder where the old one was; the old one is only dropped then."""
    old = made.with_name("replaced")
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
        target.replace(old)
    made.replace(target)


def _name(keys: RunKeys, entry: Entry) -> str:
    return entry.key.removeprefix(keys.model(""))


def _size(parts: Path) -> int:
    """The bytes that are there, those of half a file included."""
    found = 0
    for folder, _, names in os.walk(parts):
        for name in names:
            with contextlib.suppress(OSError):  # just renamed
                found += Path(folder, name).stat().st_size
    return found


@contextlib.contextmanager
def _faults(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{target}: {error.strerror or error}") from error
