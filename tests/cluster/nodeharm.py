"""A run on two nodes with two processes each, while processes are killed, Pods end and a disk is full.

What is done, and to which, is drawn from a seed. What must hold is checked: the bot is published once with the weights
and the loss at every step of a run that nothing happened to, and no step is made twice that was in a checkpoint.
"""

import hashlib
import json
import os
import random
import re
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from k8s.errors import ClusterError
from pipeline.config import POD
from pipeline.layout import RunKeys
from pipeline.store import Store
from pipeline.training import checkpoints
from tests import conftest, factories
from tests.cluster import scene
from tests.cluster.scene import Run, Scene, until

HARMS = 2  # in a round
SIZE = 100 * 2**20  # bytes of a Pod's own disk: in memory, where a full one refuses; on a disk the Pod is evicted
OWN_DISK = {"volumes": [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": str(SIZE)}}]}
RANK = b"pipeline.training.rank"


class Made(NamedTuple):
    """What a run ended with: the SHA-256 of its weights, and its curve."""

    weights: str
    curve: list[dict[str, Any]]


def settings(stage: str) -> dict[str, Any]:
    """Of a training that takes some seconds, at a ZeRO stage."""
    made = scene.a_bot_settings()
    return {**made, "train": {**made["train"], "zero_stage": stage}}


def posts(folder: Path) -> dict[str, Path]:
    return {"alice": factories.write_posts(folder / "alice.jsonl", factories.sentences(240))}


def alone(folder: Path, stage: str) -> Made:
    """The same, made here by four processes of one node."""
    given = {**settings(stage), "resources": {"gpus": 0, "processes": 4}}
    run = conftest.make_run(folder, {"alice": factories.sentences(240)}, given)
    assert run.process.returncode == 0, run.process.stderr
    return made(run.store, run.keys)


def made(store: Store, keys: RunKeys) -> Made:
    curve = store.read(keys.model("loss.json"))
    return Made(scene.weights(store, keys), json.loads(curve.data) if curve else [])


def send(stage: Scene, folder: Path, zero_stage: str) -> Run:
    """The run, as a Job of two Pods."""
    resources = {"gpus": 0, "processes": 2, "nodes": 2, "cpu": 1, "memory": "2Gi"}
    kubernetes = {"pod": {**scene.SMALL_POD, **OWN_DISK}, "backoff_limit": 2 * HARMS}
    given = {**settings(zero_stage), "resources": resources, "kubernetes": kubernetes}
    (run,) = stage.send(stage.batch(folder, posts(folder), ["alice"], **given))
    return run


def round_(stage: Scene, folder: Path, expected: Made, zero_stage: str, seed: str) -> dict[str, Any]:
    """One round; returns what happened, `wrong` being what must not."""
    chance = random.Random(hashlib.sha256(seed.encode()).hexdigest())
    began, run, did, saved = time.monotonic(), send(stage, folder, zero_stage), list[str](), list[int]()
    while len(did) < HARMS and not stage.ended(run):
        if until("a checkpoint", lambda: stage.ended(run) or _newest(stage, run) > max(saved, default=0)) is not True:
            break
        time.sleep(chance.uniform(0, 1))
        how, index = chance.choice(sorted(WAYS)), chance.choice([0, 1])
        before = _newest(stage, run)
        with suppress(ClusterError, StopIteration, IndexError, OSError):  # the Pod has just ended
            WAYS[how](stage, _pod(stage, run, index), chance)
            did.append(f"{how} {index}")
            saved.append(before)
    ended = until("the Job's end", lambda: stage.ended(run))
    return {
        "seed": seed,
        "zero_stage": zero_stage,
        "harm": did,
        "codes": stage.codes(run),
        "failed": stage.job(run)["status"].get("failed", 0),
        "steps": len(expected.curve),
        "saved": saved,
        "went_on": _went_on(stage, run),
        "seconds": round(time.monotonic() - began),
        "wrong": _wrong(stage, run, ended, expected, saved),
    }


def _wrong(stage: Scene, run: Run, ended: str, expected: Made, saved: list[int]) -> list[str]:
    wrong = [] if ended == "Complete" else [f"the Job is {ended}: {stage.log(run)[-1500:]}"]
    found = made(stage.store, run.keys)
    if stage.current(run) != run.keys.run or stage.codes(run).count(0) != 1:
        wrong.append(f"published is {stage.current(run)!r}, attempts ended with {stage.codes(run)}")
    if [point["step"] for point in found.curve] != [point["step"] for point in expected.curve]:
        wrong.append("the curve has other steps")
    if stage.is_here() and found != expected:
        wrong.append("weights or losses are others than an unbroken run's")
    went_on = _went_on(stage, run)
    if went_on != sorted(went_on) or (went_on and went_on[0] < saved[0]):
        wrong.append(f"after harm at checkpoints {saved} it went on at {went_on}")
    return wrong


def _went_on(stage: Scene, run: Run) -> list[int]:
    """The steps that attempts went on after."""
    return [int(step) for step in re.findall(r"train: goes on after step (\d+)", stage.log(run))]


def _newest(stage: Scene, run: Run) -> int:
    """The step of the newest checkpoint; 0 where there is none."""
    return max(map(int, checkpoints.complete(stage.store, run.keys)), default=0)


def _pod(stage: Scene, run: Run, index: int) -> str:
    """The Pod of a node that is at work."""
    running = [
        str(pod["metadata"]["name"])
        for pod in stage.pods(run)
        if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]
    ]
    return next(name for name in running if name.startswith(f"{run.job}-{index}-"))


def _processes(pod: str, what: bytes) -> list[int]:
    """Processes of a Pod on this machine whose command says `what`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_its = f"{POD}={pod}".encode() in (folder / "environ").read_bytes().split(b"\0")
            if is_its and what in (folder / "cmdline").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return sorted(found)


def _kill(_: Scene, pod: str, chance: random.Random) -> None:
    """One rank, without a word."""
    os.kill(chance.choice(_processes(pod, RANK)), signal.SIGKILL)


def _delete(stage: Scene, pod: str, _: random.Random) -> None:
    stage.cluster.delete("Pod", pod)


def _evict(stage: Scene, pod: str, _: random.Random) -> None:
    stage.evict(pod)


def _fill(_: Scene, pod: str, __: random.Random) -> None:
    """The Pod's disk, through its process' view of it; it goes with the Pod."""
    process = _processes(pod, RANK)[0]
    with suppress(OSError), Path(f"/proc/{process}/root/tmp/filler").open("wb") as file:
        while True:
            file.write(b"\0" * 2**16)
            file.flush()


WAYS = {"kill": _kill, "delete": _delete, "evict": _evict, "fill": _fill}
