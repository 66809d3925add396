from pathlib import Path

import pytest

from htctl import overview
from k8s import watch as watching
from k8s.cluster import Change
from pipeline.store.folder import FolderStore
from tests.htctl.runner import Ran, htctl
from tests.htctl.stores import add_run
from tests.k8s.fakes import FakeCluster, ended, job, pod

SECRET = {"reason": "CreateContainerConfigError", "message": 'secret "none" not found'}
STUCK = {"containerStatuses": [{"name": "train", "state": {"waiting": SECRET}}]}


def follow(monkeypatch: pytest.MonkeyPatch, store: FolderStore, cluster: FakeCluster, *more: str) -> Ran:
    monkeypatch.setattr(watching, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(watching, "LONGEST_PAUSE_S", 0.05)
    monkeypatch.setattr(watching, "GATHER_S", 0.01)
    monkeypatch.setattr(watching, "TICK_S", 0.02)
    monkeypatch.setattr(overview.clusters, "connect", lambda *_: cluster)
    return htctl("watch", "night", "--store", store.address, *more)


def test_a_batch_is_followed_to_its_end(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    add_run(store, "test-alice", bot="alice", current=True)
    cluster = FakeCluster(Job=[job("alice", suspend=True)], Pod=[])
    cluster.watches["Job"] = [[Change("MODIFIED", ended(job("alice")))]]
    ran = follow(monkeypatch, store, cluster)
    assert ran.code == 0
    assert ran.out.splitlines()[0].endswith("alice: published")
    assert ran.out.splitlines()[-1] == "batch night: 1 group: 1 published"


def test_a_batch_with_a_failure_ends_with_1(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = follow(monkeypatch, store, FakeCluster(Job=[ended(job("alice"))], Pod=[]))
    assert ran.code == 1
    assert ran.out.splitlines()[-1].startswith("alice: failed: it ended with 0, but")


def test_who_cannot_start_is_deleted_only_if_asked(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster(Job=[job("alice")], Pod=[pod("alice", "Pending", **STUCK)])
    ran = follow(monkeypatch, store, cluster, "--start-deadline", "1m", "--delete-stuck")
    assert (ran.code, cluster.objects["Job"]) == (1, {})
    assert "so its Job was deleted: CreateContainerConfigError: secret" in ran.out
    cluster = FakeCluster(Job=[job("alice")], Pod=[pod("alice", "Pending", **STUCK)])
    cluster.watches["Job"] = [[], [Change("DELETED", job("alice"))]]
    ran = follow(monkeypatch, store, cluster, "--start-deadline", "1m")
    assert "alice cannot start since" in ran.err
    assert ("delete", "Job") not in cluster.asked


def test_which_batch_must_be_said() -> None:
    assert htctl("watch").code == 2


def test_a_deadline_is_a_time(tmp_path: Path) -> None:
    ran = htctl("watch", "night", "--start-deadline", "soon", "--store", str(tmp_path))
    assert (ran.code, "--start-deadline soon: must be a number with s, m or h" in ran.err) == (2, True)
