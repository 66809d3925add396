"""A run over two nodes: two containers' processes with one store, which meet at a port of the first."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from htctl import postsfiles
from pipeline import nodes
from pipeline.config import ENVIRONMENT, RunConfig
from pipeline.identity import bot_of, run_id
from pipeline.layout import RunKeys
from pipeline.store.folder import FolderStore
from tests import factories

pytestmark = pytest.mark.slow
Process = subprocess.Popen[str]


class Cluster:
    """Two nodes here, each started as its Pod would be."""

    def __init__(self, folder: Path) -> None:
        self.store = FolderStore(folder / "store")
        posts = factories.write_posts(folder / "alice.jsonl", factories.sentences(80))
        self.posts = postsfiles.keep(self.store, posts)
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = str(found.getsockname()[1])
        self.started: list[Process] = []

    def config(self, batch: str = "test", processes: int = 1, count: int = 2, **given: Any) -> RunConfig:
        settings = factories.small_settings(epochs=4, **given.pop("train", {}))
        resources = {"processes": processes, "nodes": count}
        given = {"limits": {"lease_seconds": 2, "meeting_seconds": 60}, **given}
        posts = {"store": self.store.address, "posts": {"alice": self.posts}}
        return factories.run_config(batch=batch, **settings, **posts, resources=resources, **given)

    def start(self, config: RunConfig, index: int) -> Process:
        told = ("localhost", self.port, str(config.resources.nodes), str(index), str(config.resources.processes))
        environment = {**os.environ, ENVIRONMENT: config.to_json(), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
        if config.resources.nodes > 1:
            environment |= dict(zip(nodes.VARIABLES, told, strict=True))
        command = [sys.executable, "-m", "pipeline"]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        self.started.append(process)
        return process

    def ended(self, *processes: Process) -> list[tuple[int, str]]:
        told = [process.communicate(timeout=200)[1] for process in processes]
        return [(process.returncode, said) for process, said in zip(processes, told, strict=True)]

    def keys(self, config: RunConfig) -> RunKeys:
        return RunKeys(bot_of(config), run_id(config))

    def made(self, config: RunConfig) -> tuple[bytes, list[Any]]:
        """The weights, and the loss at every step."""
        weights, points = (
            self.store.read(self.keys(config).model(name)) for name in ("model.safetensors", "loss.json")
        )
        assert weights
        assert points
        return weights.data, json.loads(points.data)

    def until_kept(self, config: RunConfig, count: int = 1) -> None:
        kept, until = Path(self.store.address, self.keys(config).checkpoint("")), time.monotonic() + 120
        while len(list(kept.glob("*.json"))) < count:
            assert time.monotonic() < until
            time.sleep(0.05)


@pytest.fixture
def clusters(tmp_path: Path) -> Iterator[list[Cluster]]:
    """Two, each with a store of its own."""
    found = [Cluster(tmp_path / name) for name in ("one", "other")]
    yield found
    for process in (process for cluster in found for process in cluster.started):
        process.kill()
        process.wait()


@pytest.fixture
def cluster(clusters: list[Cluster]) -> Cluster:
    return clusters[0]


@pytest.mark.parametrize(
    ("stage", "harm", "says"),
    [
        ("0", signal.SIGKILL, "node 0 of 2: rank 0 of 2 lost the others: "),
        pytest.param("2", signal.SIGTERM, "training is kept at step ", marks=pytest.mark.long),
    ],
)
def test_two_nodes_of_which_one_ends_go_on_to_what_two_processes_of_one_make(
    clusters: list[Cluster], stage: str, harm: signal.Signals, says: str
) -> None:
    """To the bit; the node that is started first in the end waits for the other."""
    cluster, other = clusters
    alone = other.config(processes=2, count=1, train={"zero_stage": stage})
    config = cluster.config(train={"zero_stage": stage, "checkpoint_minutes": 0})
    code, said = other.ended(other.start(alone, 0))[0]
    assert code == 0, said

    first, second = (cluster.start(config, index) for index in (0, 1))
    cluster.until_kept(config)
    second.send_signal(harm)
    ended = cluster.ended(first, second)
    assert [code for code, _ in ended] == [75, 75 if harm == signal.SIGTERM else -harm], ended
    assert says in ended[0][1]

    second = cluster.start(config, 1)
    (code, said), (second_code, told) = cluster.ended(cluster.start(config, 0), second)
    assert (code, second_code) == (0, 0), said + told
    assert "train: goes on after step " in said
    assert "alice: node 1 of 2: trained with the others" in told
    assert "held-out" not in told
    assert cluster.made(config) == other.made(alone)
    marker = cluster.store.read(cluster.keys(config).stage("train"))
    assert marker
    assert (json.loads(marker.data)["result"]["nodes"]) == 2
    again = cluster.ended(cluster.start(config, 1))[0]
    assert (again[0], "node 1 of 2: there is nothing to train" in again[1]) == (0, True)


def test_who_waits_for_a_node_that_does_not_come_tries_again_later(cluster: Cluster) -> None:
    config = cluster.config(limits={"lease_seconds": 1, "meeting_seconds": 1})
    code, said = cluster.ended(cluster.start(config, 1))[0]
    assert code == 75, said
    assert "the first node has not been heard of for 1 s (" in said
    code, said = cluster.ended(cluster.start(config, 0))[0]
    assert code == 75, said
    assert f"node 0 of 2: 1 of 2 processes came to localhost:{cluster.port} within 1 s" in said
    code, said = cluster.ended(cluster.start(config, 1))[0]  # the dataset is there, but nobody to train with
    assert code == 75, said
    assert f"node 1 of 2: nobody answers at localhost:{cluster.port} within 1 s" in said
