"""Runs the stages of one bot: skips what is marked, marks what is done, in the order of the plan."""

import dataclasses
import hashlib
import importlib
import json
import platform
import time
from importlib import metadata
from pathlib import Path
from typing import Any, cast

from pipeline import keeper, marks, published, stopping
from pipeline.config import RunConfig, canonical_json
from pipeline.identity import bot_of, run_id
from pipeline.layout import RunKeys
from pipeline.moments import utc
from pipeline.plan import STAGES
from pipeline.progress import Report
from pipeline.stage import Context, Result, Stage
from pipeline.store import Store
from pipeline.store.objects import read_json, to_bytes
from pipeline.tracker import tracking
from pipeline.training import base_model

PUBLISHED_BEFORE = "already published"
RECORDED = ("torch", "transformers", "deepspeed", "tokenizers", "numpy", "icu4py")


def run(config: RunConfig, store: Store, report: Report, scratch: Path) -> str:
    """Make the bot of `config`; says and returns `published`, `already published` or `unchanged: why`.

    `unchanged`: the bot's current run is about the same posts with the same config, so nothing is trained.
    """
    keys = RunKeys(bot_of(config), run_id(config))
    if _is_published(store, keys):
        return _say(report, keys, PUBLISHED_BEFORE + _marked(store, keys))
    with keeper.attempt(store, keys, config.limits, report) as mine:
        if _is_published(mine, keys):  # by who held the lease a moment ago
            return _say(report, keys, PUBLISHED_BEFORE)
        base_model.check(config.base_model)
        with tracking(config.tracker, mine, keys, report) as tracker:
            context = Context(_begin(config, mine, keys), mine, keys, scratch, report, tracker=tracker)
            return _say(report, keys, _stages(context))


def _stages(context: Context) -> str:
    """All stages in order, those that are marked apart; returns the outcome."""
    fingerprint = context.config.fingerprint()
    for name in STAGES[:-1]:
        result, fingerprint = _run_stage(context, name, fingerprint)
        context.results[name] = result
        context.tracker.ended(name, context)
        if name == "scrape" and _is_current(context):
            return "unchanged: its current run has these posts and settings"
    # The last stage moves the pointer, which another run may have moved since this one did: always anew.
    context.store.write(context.keys.stage(STAGES[-1]), to_bytes(_make(context, STAGES[-1], fingerprint)))
    return "published"


def _is_published(store: Store, keys: RunKeys) -> bool:
    return bool(published.pointer(store, keys.bot).get("run") == keys.run)


def _marked(store: Store, keys: RunKeys) -> str:
    taken = marks.say(published.pointer(store, keys.bot))
    return f", though with posts that were taken back since ({taken}): another --batch makes it anew" if taken else ""


def _say(report: Report, keys: RunKeys, outcome: str) -> str:
    report.line(f"{keys.bot}: {outcome}")
    return outcome


def _begin(config: RunConfig, store: Store, keys: RunKeys) -> RunConfig:
    """Write down what was asked, or read it: a run keeps the spelling and order of the handles it began with."""
    found = read_json(store, keys.config)
    if not found:
        store.write(keys.config, to_bytes({"asked": json.loads(config.to_json()), "made_by": versions()}))
        return config
    return dataclasses.replace(config, handles=tuple(found["asked"]["handles"]))


def versions() -> dict[str, str]:
    """The versions that decide what comes out, and the machine's kind."""
    found = {name: metadata.version(name) for name in RECORDED}
    return {
        "htctl": metadata.version("htctl"),
        "python": platform.python_version(),
        **found,
        "machine": platform.machine(),
    }


def _run_stage(context: Context, name: str, fingerprint: str) -> tuple[Result, str]:
    """The stage's result, from its marker or made now, and the fingerprint for the next stage's inputs."""
    marker = read_json(context.store, context.keys.stage(name))
    if marker.get("fingerprint") != fingerprint:
        marker = _make(context, name, fingerprint)
        context.store.write(context.keys.stage(name), to_bytes(marker))
    result = cast(Result, marker["result"])
    following = hashlib.sha256(f"{fingerprint}\n{canonical_json(result)}".encode()).hexdigest()
    return result, following


def _make(context: Context, name: str, fingerprint: str) -> dict[str, Any]:
    """Run a stage; returns its marker."""
    stopping.leave_if_told()
    started = time.time()
    context.report.now = {"stage": name}
    context.tracker.begins(name, context)
    stage = cast(Stage, importlib.import_module(f"pipeline.stages.{name}"))
    result = stage.run(context)
    return {
        "stage": name,
        "fingerprint": fingerprint,
        "started": utc(started),
        "seconds": round(time.time() - started, 3),
        "result": result,
    }


def _is_current(context: Context) -> bool:
    """Whether the bot's current run, of whatever batch, is about the same posts with the same config.

    One that was made with posts that were taken back is made anew, even where what is left is what is there again.
    """
    current = published.pointer(context.store, context.keys.bot)
    mine = (context.config.fingerprint(), context.results["scrape"]["fingerprint"])
    return (current.get("config"), current.get("posts")) == mine and not marks.of(current)
