"""Takes a bot that huggingtweets made into the store: weights, tokenizer and card, as a run of its own."""

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline import basemodels, config, generation, keeper, layout, oldmodel, published, runner, settings
from pipeline.cards import reading
from pipeline.cards.original import Given
from pipeline.errors import ConfigError, StoreError, told
from pipeline.handles import wrong_handles
from pipeline.identity import bot_id
from pipeline.layout import RunKeys
from pipeline.moments import utc
from pipeline.oldmodel import Card, Loaded
from pipeline.progress import Report, quiet, share_cores
from pipeline.stage import Context
from pipeline.store import Store, open_store
from pipeline.store.objects import read_json, to_bytes

WHO = "say whose bot it is: --handles a+b"


def adopt(given: str, handles: Sequence[str], store: Store, replace: bool, report: Report) -> str:
    """Adopt the model at `given`, a folder or a hub's id; returns its bot. A bot that is there stays current unless
    `replace`."""
    folder = oldmodel.find(given)
    oldmodel.check(folder)
    card = oldmodel.card(folder)
    found = reading.read(card.text, handles)
    names = _whose(given, found, handles)
    digest = oldmodel.digest(folder, names)
    keys = RunKeys(bot_id("jsonl", names), f"{layout.ADOPTED}-{digest[:8]}")
    _refuse_other(store, keys, replace)
    for line in _told(card, found):
        report.line(line)
    with keeper.attempt(store, keys, settings.Limits(), report) as mine, tempfile.TemporaryDirectory() as scratch:
        if read_json(mine, keys.stage("publish")).get("fingerprint") != digest:
            started = time.time()
            loaded = oldmodel.load(folder, given)
            about = _about(given, names, card, found, loaded, oldmodel.weights(folder))
            mine.write(keys.config, to_bytes({"asked": _asked(names), "made_by": runner.versions(), "adopted": about}))
            _write(Context(_as_config(names), mine, keys, Path(scratch), report), loaded, card, found.given)
            mine.write(keys.stage("publish"), to_bytes(_marker(digest, started, about)))
        published.publish(mine, keys, _pointer(digest, found), names, over=replace)
    return keys.bot


def _whose(given: str, found: reading.Found, handles: Sequence[str]) -> tuple[str, ...]:
    """The bot's handles, which its card or the person tells."""
    if handles and found.why.startswith(reading.ANOTHER):
        raise ConfigError(f"{given}: {found.why}, not of {' and '.join(f'@{handle}' for handle in handles)}")
    if not found.handles:
        raise ConfigError(f"{given}: {found.why or 'its card does not tell whose bot it is'}; {WHO}")
    if wrong := wrong_handles("jsonl", found.handles):
        raise ConfigError(f"--handles: {'; '.join(problem.text for problem in wrong)}")
    return found.handles


def _told(card: Card, found: reading.Found) -> list[str]:
    """What a person should know of how the card was read."""
    lines = [f"card: UTF-8 that was read as {' and '.join(card.repaired)}; put right"] if card.repaired else []
    if not card.text:
        lines.append("warning: the model has no card (README.md), so its numbers are not known")
    elif not found.given:
        lines.append(f"warning: no numbers are read from the card: {found.why}")
    elif not found.ordered:
        lines.append(
            "warning: a cyborg's card does not tell which column is whose, so its numbers may be given to another of "
            "its handles; --handles in the order of the columns settles it"
        )
    return lines


def _refuse_other(store: Store, keys: RunKeys, replace: bool) -> None:
    current = published.pointer(store, keys.bot).get("run")
    if current not in (None, keys.run) and not replace:
        raise StoreError(
            f"{keys.bot} is there already (its run {current}); --replace makes the adopted one current, and keeps the "
            "other"
        )


def _about(
    given: str, handles: Sequence[str], card: Card, found: reading.Found, loaded: Loaded, weights: Sequence[Path]
) -> dict[str, Any]:
    """What is known of an adopted bot."""
    return {
        "from": basemodels.public_name(given) if Path(given).expanduser().is_dir() else given,
        "handles": list(handles),
        "weights": [path.name for path in weights],
        "parameters": sum(part.numel() for part in loaded.model.parameters()),
        "card": dataclasses.asdict(found.given) if found.given else None,
        "ordered": found.ordered,
        "repaired": list(card.repaired),
        "made": reading.made(found.given) if found.given else "",
    }


def _write(context: Context, loaded: Loaded, card: Card, given: Given | None) -> None:
    """The model as every reader of a run takes it."""
    folder = context.scratch / "adopted"
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    generation.settings(loaded.generate, loaded.tokenizer).save_pretrained(folder)
    (folder / "README.md").write_bytes((card.text or _no_card(context.keys.bot)).encode())
    if given:
        (folder / "card.json").write_bytes(to_bytes(dataclasses.asdict(given)))
    context.upload_folder(folder, context.keys.model("").rstrip("/"))


def _no_card(bot: str) -> str:
    return f"# {bot}\n\nA language model that was made elsewhere and came without a card.\n"


def _asked(handles: Sequence[str]) -> dict[str, Any]:
    return {"handles": list(handles), "posts": {}}


def _as_config(handles: Sequence[str]) -> config.RunConfig:
    return config.RunConfig(batch=layout.ADOPTED, store="", handles=tuple(handles))


def _marker(digest: str, started: float, about: dict[str, Any]) -> dict[str, Any]:
    return {
        "stage": "publish",
        "fingerprint": digest,
        "started": utc(started),
        "seconds": round(time.time() - started, 3),
        "result": about,
    }


def _pointer(digest: str, found: reading.Found) -> dict[str, Any]:
    base_model = "gpt2" if found.given else "unknown"
    # a card of huggingtweets tells of no measurement
    return {"config": digest, "posts": "", "base_model": base_model, "bits_per_byte": None}


def main(arguments: list[str]) -> int:
    """`python -m pipeline.adoption MODEL --store ADDRESS`: the bot's id on stdout, all else on stderr."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.adoption", description=main.__doc__)
    parser.add_argument("model")
    parser.add_argument("--store", required=True)
    parser.add_argument("--handles", default="")
    parser.add_argument("--replace", action="store_true")
    wanted = parser.parse_args(arguments)
    report = Report()
    try:
        share_cores()
        quiet()
        handles = wanted.handles.split("+") if wanted.handles else []
        bot = adopt(wanted.model, handles, open_store(wanted.store), wanted.replace, report)
    except BaseException as error:
        code, line = told(error)
        report.line(line)
        return code
    sys.stdout.write(f"{bot}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
