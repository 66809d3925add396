"""A namespace of a real cluster and a store that its Pods reach: batches are sent to it, and what came is asked.

Only `send` would change where the command line submits by itself.
"""

import hashlib
import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest

from htctl import batchfile, jobs, postsfiles
from k8s import names
from k8s.cluster import CORE, KubernetesCluster
from k8s.connection import Connection
from k8s.errors import AlreadyThereError, NotThereError
from k8s.manifests import Manifest
from pipeline import layout
from pipeline.config import POD
from pipeline.layout import RunKeys
from pipeline.lease import State
from pipeline.settings import TINY_TRAIN
from pipeline.store import Store, open_store
from pipeline.store.objects import read_json
from pipeline.training import checkpoints
from tests import factories, s3server

T = TypeVar("T")

SECRET = "htctl-test"
LEASE_S = 6  # of the runs: who waits for a holder that is silent waits so long
PATIENCE_S = 300
EPOCHS = 24
KUEUE_PRIORITY = "kueue.x-k8s.io/priority-class"
# Two at once is what two CPUs can do; the request is small so that any node has room.
SMALL_POD = {"containers": [{"name": names.CONTAINER, "resources": {"requests": {"cpu": "100m"}}}]}


class Run(NamedTuple):
    """A run that was sent: where it lies in the store, and its Job's name."""

    keys: RunKeys
    job: str


@dataclass(frozen=True)
class Scene:
    """A place of its own for one test; `server` is None where the store is somebody else's."""

    cluster: KubernetesCluster
    asked: Connection
    image: str
    address: str
    server: s3server.Server | None

    @property
    def store(self) -> Store:
        return open_store(self.address)

    def batch(self, folder: Path, posts: Mapping[str, Path], groups: list[Any], **defaults: Any) -> Path:
        """A batch file named like the folder; JSON is YAML. `kubernetes` among `defaults` adds to what is set here."""
        of_cluster = {"image": self.image, "secrets": [SECRET], "pod": SMALL_POD, "grace_seconds": 60}
        set_here = {
            "base_model": "tiny",
            "resources": {"gpus": 0, "cpu": 1, "memory": "1Gi"},
            "limits": {"lease_seconds": LEASE_S},
            **defaults,
            "kubernetes": {**of_cluster, "namespace": self.cluster.namespace, **defaults.get("kubernetes", {})},
            "posts": {handle: str(path) for handle, path in posts.items()},
        }
        path = folder / "bots.yaml"
        batch = batchfile_name(folder)
        path.write_text(json.dumps({"batch": batch, "store": self.address, "defaults": set_here, "groups": groups}))
        return path

    def send(self, file: Path, change: Callable[[Manifest], None] = lambda _: None) -> list[Run]:
        """Posts into the store, every object to the cluster; `change` may do something to an object first."""
        batch, store, sent = batchfile.load(file, {}), self.store, []
        for group in batch.groups:
            for handle, path in group.posts.items():
                postsfiles.keep(store, path, handle, skip_bad=group.settings.skip_bad)
        for manifest in jobs.objects(batch, store.address):
            change(manifest)
            with suppress(AlreadyThereError) if manifest["kind"] == "Service" else nullcontext():  # shared by all runs
                self.cluster.create(manifest)
            if manifest["kind"] == "Service":
                continue
            notes = manifest["metadata"]["annotations"]
            keys = RunKeys(notes[f"{names.DOMAIN}/bot"], notes[f"{names.DOMAIN}/run"])
            sent.append(Run(keys, manifest["metadata"]["name"]))
        return sent

    def job(self, run: Run) -> Manifest:
        return self.cluster.get("Job", run.job)

    def pods(self, run: Run) -> list[Manifest]:
        """The Job's Pods that are there, oldest first."""
        found = self.cluster.list("Pod", f"batch.kubernetes.io/job-name={run.job}").items
        return sorted(found, key=lambda pod: pod["metadata"]["creationTimestamp"])

    def running(self, run: Run) -> str:
        """The name of the Pod that works on a run just now; empty where none does."""
        for pod in self.pods(run):
            if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]:
                return str(pod["metadata"]["name"])
        return ""

    def ended(self, run: Run) -> str:
        """Complete or Failed, with the reason; empty while the Job is neither."""
        for condition in self.job(run)["status"].get("conditions", []):
            if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
                return "Complete" if condition["type"] == "Complete" else f"Failed: {condition['reason']}"
        return ""

    def attempts(self, run: Run) -> list[dict[str, Any]]:
        return list(read_json(self.store, run.keys.attempts).get("attempts", []))

    def codes(self, run: Run) -> list[int | None]:
        """How each attempt ended; None for one that was killed."""
        return [attempt.get("exit_code") for attempt in self.attempts(run)]

    def log(self, run: Run) -> str:
        found = self.store.read(run.keys.log)
        return found.data.decode() if found else ""

    def now(self, run: Run) -> dict[str, Any]:
        """What the run's process last said that it is at."""
        found = self.store.read(run.keys.lease)
        return State.parse(found.data).now if found else {}

    def saved(self, run: Run) -> bool:
        """Whether all of a checkpoint is there: a process that is killed from now on is gone on from it."""
        return bool(checkpoints.complete(self.store, run.keys))

    def current(self, run: Run) -> str:
        """The run that the bot's pointer names."""
        return str(read_json(self.store, layout.latest(run.keys.bot)).get("run", ""))

    def evict(self, pod: str) -> None:
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": self.cluster.namespace},
        }
        self.asked.ask("POST", f"{CORE.format(namespace=self.cluster.namespace)}/pods/{pod}/eviction", body=body)

    def send_signal(self, pod: str, signum: signal.Signals, program: str = "python") -> None:
        """A signal to a Pod's process from outside of it; only where its node is this machine."""
        os.kill(process_of(pod, program), signum)

    def is_here(self) -> bool:
        """Whether the cluster's only node is this machine: same CPU, and its processes are ours to stop."""
        nodes = self.asked.ask("GET", "/api/v1/nodes")["items"]
        here = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return [node["status"]["nodeInfo"]["bootID"] for node in nodes] == [here]


def batchfile_name(folder: Path) -> str:
    """A name for the folder's batch, short and unlike any other's."""
    return f"t{hashlib.sha256(str(folder).encode()).hexdigest()[:10]}"


def until(what: str, check: Callable[[], T], seconds: float = PATIENCE_S) -> T:
    """What `check` returns once it is something; a Pod or object that is gone meanwhile is nothing."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(NotThereError):
            found = check()
            if found:
                return found
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds:g} s: {what}")


def process_of(pod: str, program: str) -> int:
    """The process of a Pod's container by the name of its program, found by its environment as it started."""
    wanted = f"{POD}={pod}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_its = wanted in (folder / "environ").read_bytes().split(b"\0")
            if is_its and (folder / "comm").read_text().strip() == program:
                return int(folder.name)
    raise AssertionError(f"no {program} of {pod} on this machine")


def a_bot_settings() -> dict[str, Any]:
    """Of a bot whose training takes some seconds and is kept all the time."""
    return factories.small_settings(**{**TINY_TRAIN, **factories.SMALL, "epochs": EPOCHS, "checkpoint_minutes": 0.02})


def a_bot(folder: Path) -> dict[str, Any]:
    """Its posts and settings: arguments of `Scene.batch`."""
    posts = {"alice": factories.write_posts(folder / "alice.jsonl", factories.sentences(240))}
    return {"posts": posts, "groups": ["alice"], **a_bot_settings()}


def weights(store: Store, keys: RunKeys) -> str:
    """The SHA-256 of a run's weights; empty where there are none."""
    found = store.read(keys.model("model.safetensors"))
    return hashlib.sha256(found.data).hexdigest() if found else ""


def needs(found: object, why: str) -> None:
    """Skip the test where something of this cluster cannot be had."""
    if not found:
        pytest.skip(why)
