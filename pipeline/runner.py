"""Runs the stages of one bot: skips what is marked, marks what is done, in the order of the plan."""

import hashlib
import importlib
import json
import platform
import time
from importlib import metadata
from pathlib import Path
from typing import cast

from pipeline import layout
from pipeline.config import RunConfig, canonical_json
from pipeline.identity import bot_id, run_id
from pipeline.layout import RunKeys
from pipeline.plan import STAGES
from pipeline.progress import Report
from pipeline.stage import Context, Result, Stage, to_bytes
from pipeline.store import Store

RECORDED = ("torch", "transformers", "deepspeed", "tokenizers", "numpy", "icu4py")


def run(config: RunConfig, store: Store, report: Report, scratch: Path) -> str:
    """Make the bot of `config`; returns `published`, `already published` or `unchanged`.

    `unchanged`: the bot's current run is about the same posts with the same config, so nothing is trained.
    """
    keys = RunKeys(bot_id(config.source, config.handles), run_id(config))
    context = Context(config, store, keys, scratch, report)
    if store.exists(keys.stage(STAGES[-1])):
        return "already published"
    if not store.exists(keys.config):
        store.write(keys.config, to_bytes({"asked": json.loads(config.to_json()), "made_by": versions()}))
    fingerprint = config.fingerprint()
    for name in STAGES:
        result, fingerprint = _run_stage(context, name, fingerprint)
        context.results[name] = result
        if name == "scrape" and _is_current(context):
            return "unchanged"
    return "published"


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
    found = context.store.read(context.keys.stage(name))
    marker = json.loads(found.data) if found else {}
    if marker.get("fingerprint") != fingerprint:
        started = time.time()
        stage = cast(Stage, importlib.import_module(f"pipeline.stages.{name}"))
        result = stage.run(context)
        marker = {
            "stage": name,
            "fingerprint": fingerprint,
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
            "seconds": round(time.time() - started, 3),
            "result": result,
        }
        context.store.write(context.keys.stage(name), to_bytes(marker))
    result = cast(Result, marker["result"])
    following = hashlib.sha256(f"{fingerprint}\n{canonical_json(result)}".encode()).hexdigest()
    return result, following


def _is_current(context: Context) -> bool:
    found = context.store.read(layout.latest(context.keys.bot))
    current = json.loads(found.data) if found else {}
    mine = (context.config.fingerprint(), context.results["scrape"]["fingerprint"])
    return (current.get("config"), current.get("posts")) == mine
