"""The six groups while Pods are killed and evicted, the API server crashes and S3 is away; a reader polls throughout.

What is done, and when, is drawn from a seed. What must hold is checked: every bot is published once, none is lost,
none is written twice, and no reader ever sees half of one.
"""

import hashlib
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import safetensors.torch

from k8s import names
from k8s.errors import ClusterError
from pipeline.errors import StoreError
from pipeline.layout import RunKeys
from pipeline.store import open_store
from pipeline.store.objects import read_json
from tests.cluster import parts, scene, sixgroups
from tests.cluster.scene import Scene

ACTIONS = 8  # in a round
CRASHES = 3  # of the API server, each of which costs the cluster's own parts up to two minutes
WHOLE = {"model.safetensors", "config.json", "generation_config.json", "tokenizer.json", "README.md", "metrics.json"}
PATIENCE_S = 330  # for the batch's end after the last harm


class Reader:
    """Looks at every bot again and again: what its pointer names must be whole, and never change."""

    def __init__(self, stage: Scene) -> None:
        self.looks, self.faults = 0, list[str]()
        self.seen: dict[tuple[str, str], tuple[str, str]] = {}  # bot and run: versions of its pointer and weights
        self._stage, self._stopped = stage, threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(120)

    def _work(self) -> None:
        while not self._stopped.wait(0.5):
            for bot in sixgroups.bots():
                with suppress(StoreError):  # S3 is away; what it holds is looked at when it is back
                    self._look(bot)

    def _look(self, bot: str) -> None:
        store = open_store(self._stage.address)
        run = read_json(store, f"bots/{bot}/latest.json").get("run")
        if not run:
            return
        keys = RunKeys(bot, run)
        found = store.version(f"bots/{bot}/latest.json"), store.version(keys.model("model.safetensors"))
        if (bot, run) not in self.seen:
            there = {entry.key.rpartition("/")[2] for entry in store.list(keys.model(""))}
            data = store.read(keys.model("model.safetensors"))
            if not there >= WHOLE or data is None or not safetensors.torch.load(data.data):
                self.faults.append(f"{bot}: {run} is not whole: {sorted(there)}")
        if self.seen.setdefault((bot, run), found) != found:
            self.faults.append(f"{bot}: {run} was written again")
        self.looks += 1


class Monkey:
    """Does harm, one thing after the other, while the Jobs run."""

    def __init__(self, stage: Scene, batch: str, chance: random.Random) -> None:
        self.did = Counter[str]()
        self._stage, self._batch, self._chance = stage, batch, chance
        self._ways: dict[str, Callable[[], None]] = {"delete": self._delete, "evict": self._evict}
        if stage.is_here():
            self._ways["kill"] = self._kill
        if parts.known():
            self._ways["api server"] = self._api_server
        if stage.server:
            self._ways["s3"] = self._s3

    def play(self, process: "subprocess.Popen[str]") -> None:
        """All it does; what finds no Pod to harm is tried again, until the batch has ended."""
        while self.did.total() < ACTIONS and process.poll() is None:
            time.sleep(self._chance.uniform(0.5, 4))
            if self.did["api server"] == CRASHES:
                self._ways.pop("api server", None)
            name = self._chance.choice(sorted(self._ways))
            with suppress(ClusterError, AssertionError, IndexError):  # the Pod has just ended
                self._ways[name]()
                self.did[name] += 1

    def _pod(self) -> str:
        running = [
            pod["metadata"]["name"]
            for pod in self._stage.cluster.list("Pod", names.selector(self._batch)).items
            if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]
        ]
        return self._chance.choice(sorted(running))

    def _delete(self) -> None:
        self._stage.cluster.delete("Pod", self._pod())

    def _evict(self) -> None:
        self._stage.evict(self._pod())

    def _kill(self) -> None:
        self._stage.send_signal(self._pod(), signal.SIGKILL)

    def _api_server(self) -> None:
        parts.kill(parts.API_SERVER)
        time.sleep(self._chance.uniform(0, 3))
        parts.start()

    def _s3(self) -> None:
        assert self._stage.server
        self._stage.server.kill()
        time.sleep(self._chance.uniform(2, 12))
        self._stage.server.start()


def round_(stage: Scene, batch: Path, expected: dict[str, sixgroups.Made], chance: random.Random) -> dict[str, Any]:
    """One round; returns what happened, `wrong` being what must not."""
    began = time.monotonic()
    said = batch.with_name("said.txt")
    with said.open("w") as into, Reader(stage) as reader:
        command = [sys.executable, "-m", "htctl", "submit", "-f", str(batch), "--wait"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=into, stderr=into, text=True)
        try:
            monkey = Monkey(stage, scene.batchfile_name(batch.parent), chance)
            monkey.play(process)
            helped = not _ends(process)
            if helped:
                _help(stage)
                _ends(process)
        finally:
            process.kill()
            process.wait()
        time.sleep(2)  # the reader's last look
    wrong = [*reader.faults, *_wrong(stage, expected, process.returncode, said.read_text())]
    attempts = [read_json(stage.store, keys).get("attempts", []) for keys in _attempts(stage)]
    return {
        "harm": dict(monkey.did),
        "helped": helped,
        "attempts": sorted(map(len, attempts)),
        "looks": reader.looks,
        "seconds": round(time.monotonic() - began),
        "wrong": wrong,
    }


def _ends(process: "subprocess.Popen[str]") -> bool:
    """Whether it ends within a while."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE_S)
    return process.poll() is not None


def _help(stage: Scene) -> None:
    """What an operator does about a Job that gets no Pod: begin anew what has lost sight of it.

    After crashes of the API server the controller manager has been seen to wait five minutes for a Pod that nobody
    made, and Kueue to refuse a Pod since its Job was "not found" for as long as was waited.
    """
    if parts.known():
        parts.kill(parts.CONTROLLER_MANAGER)
        with suppress(ClusterError):  # a cluster without Kueue
            stage.asked.ask("DELETE", "/api/v1/namespaces/kueue-system/pods")
        parts.start()


def _attempts(stage: Scene) -> list[str]:
    return [entry.key for entry in stage.store.list("bots/") if entry.key.endswith("/attempts.json")]


def _wrong(stage: Scene, expected: dict[str, sixgroups.Made], code: int, said: str) -> list[str]:
    """What is wrong at the end."""
    wrong = [] if code == 1 else [f"submit --wait ended with {code}: {said[-1000:]}"]
    made = sixgroups.published(stage.store)
    for bot in sorted(made.keys() | expected.keys()):
        if made.get(bot) != expected.get(bot) and (stage.is_here() or bot not in made or bot not in expected):
            wrong.append(f"{bot}: {made.get(bot)} instead of {expected.get(bot)}")
    for bot, why in sixgroups.FAILING.items():
        if f"\n{bot}: failed: {why}" not in said:
            wrong.append(f"{bot} did not fail for its reason: {said[-1000:]}")
    return wrong


def seeded(text: str) -> random.Random:
    """The same harm for the same text, as far as timing lets it."""
    return random.Random(hashlib.sha256(text.encode()).hexdigest())
