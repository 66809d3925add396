import json
from pathlib import Path
from typing import Any

import pytest

from htctl import overview
from k8s.errors import ClusterError
from pipeline import layout
from pipeline.store.folder import FolderStore
from tests.htctl.runner import Ran, htctl
from tests.htctl.stores import add_run
from tests.k8s.fakes import FakeCluster, ended, job


@pytest.fixture
def batch(store: FolderStore) -> FolderStore:
    """`night`, three groups: alice's run is published, bob's is not, carol's is made elsewhere."""
    groups = [
        {"bot": bot, "run": f"test-{bot}", "job": bot, "handles": bot.title()} for bot in ("alice", "bob", "carol")
    ]
    record = {"batch": "night", "namespace": "bots", "groups": groups}
    store.write(layout.batch("night"), json.dumps(record).encode())
    add_run(store, "test-alice", bot="alice", current=True)
    return store


def connected(monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster) -> FakeCluster:
    monkeypatch.setattr(overview.clusters, "connect", lambda *_: cluster)
    return cluster


def status(store: FolderStore, *more: str) -> Ran:
    return htctl("status", "--batch", "night", "--store", store.address, *more)


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: Any) -> FakeCluster:
        raise ClusterError("the cluster gives no answer")

    monkeypatch.setattr(overview.clusters, "connect", connect)


def test_rows_come_from_jobs_and_where_they_are_gone_from_the_store(
    batch: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = ended(job("bob"), "Failed", reason="BackoffLimitExceeded", message="too often")
    connected(monkeypatch, FakeCluster(Job=[failed, job("dora", suspend=True)], Pod=[]))
    ran = status(batch)
    assert ran.code == 1
    assert [line.split("\t")[:2] for line in ran.out.splitlines()] == [
        ["bob", "failed"], ["carol", "cancelled"], ["dora", "paused"], ["alice", "published"],
    ]  # fmt: skip
    assert ran.err.startswith("batch night: 4 groups: 1 published, 1 paused, 1 cancelled, 1 failed; since ")


def test_rows_by_state_by_handle_and_by_group(batch: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch, FakeCluster(Job=[job("bob", suspend=True)], Pod=[]))
    assert status(batch, "--state", "paused").out.split("\t")[0] == "bob"
    assert status(batch, "--handle", "@ALICE").out.split("\t")[:2] == ["alice", "published"]
    assert status(batch, "carol").out.split("\t")[0] == "carol"
    assert status(batch, "--state", "sleeping").code == 2
    assert status(batch, "nobody").code == 2


def test_the_same_for_programs(batch: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch, FakeCluster(Job=[job("bob", suspend=True)], Pod=[]))
    found = json.loads(status(batch, "-o", "json").out)
    assert found["totals"] == {"cancelled": 1, "paused": 1, "published": 1}
    assert [group["bot"] for group in found["groups"]] == ["carol", "bob", "alice"]
    assert "phase: paused" in status(batch, "-o", "yaml").out
    assert status(batch, "-o", "xml").code == 2


@pytest.mark.usefixtures("away")
def test_without_a_cluster_the_store_s_side_is_shown_and_it_is_said(batch: FolderStore) -> None:
    ran = status(batch)
    assert "the cluster gives no answer\nshown is what the store has" in ran.err
    assert [line.split("\t")[1] for line in ran.out.splitlines()] == ["unknown", "unknown", "published"]


@pytest.mark.usefixtures("away")
def test_a_batch_that_nobody_knows_is_an_error(tmp_path: Path) -> None:
    ran = htctl("status", "--batch", "night", "--store", str(tmp_path))
    assert ran.code == 2
    assert "no batch 'night' in no cluster, nor in the store" in ran.err
