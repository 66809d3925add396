from pathlib import Path
from typing import Any

import pytest

from htctl import overview
from pipeline.layout import RunKeys
from pipeline.store.folder import FolderStore
from tests.htctl.runner import htctl
from tests.htctl.stores import add_run
from tests.k8s.fakes import FakeCluster, ended, job, pod

LOG = b"--- attempt 1, process 7 on alice-pod\none\ntwo\n"
RAN: dict[str, Any] = {"containerStatuses": [{"name": "train", "state": {"running": {"startedAt": "t"}}}]}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    found = FakeCluster(Job=[ended(job("alice"), "Failed")], Pod=[])
    monkeypatch.setattr(overview.clusters, "connect", lambda *_: found)
    return found


def test_a_log_comes_from_the_pod_and_from_the_store_when_it_is_gone(store: FolderStore, cluster: FakeCluster) -> None:
    store.write(RunKeys("alice", "test-alice").log, LOG)
    assert htctl("logs", "alice", "--store", store.address).out == "--- attempt 1, alice-pod\none\ntwo\n"
    cluster.change("Pod", "ADDED", pod("alice", **RAN))
    cluster.pod_logs["alice-pod"] = ["one", "two", "three"]
    assert htctl("logs", "alice", "--store", store.address).out.endswith("two\nthree\n")


def test_all_that_failed(store: FolderStore, cluster: FakeCluster) -> None:
    store.write(RunKeys("alice", "test-alice").log, LOG)
    cluster.change("Job", "ADDED", job("bob", suspend=True))
    ran = htctl("logs", "--failed", "--store", store.address)
    assert ran.out.splitlines()[0].startswith("=== alice: ")
    assert "bob" not in ran.out


def test_where_none_failed_it_says_so(store: FolderStore, cluster: FakeCluster) -> None:
    for each in list(cluster.objects["Job"].values()):
        cluster.change("Job", "DELETED", each)
    cluster.change("Job", "ADDED", job("bob", suspend=True))
    ran = htctl("logs", "--failed", "--store", store.address)
    assert (ran.code, ran.out, ran.err) == (0, "", "no group has failed\n")


def test_a_store_that_is_not_there_is_named(cluster: FakeCluster) -> None:
    cluster.objects["Job"].clear()
    for command in (["logs", "alice"], ["status"], ["fetch", "alice", "here"]):
        ran = htctl(*command, "--store", "nowhere")
        assert (ran.code, ran.err) == (2, "error: store 'nowhere': no such folder\n")


def test_a_run_without_a_log_says_how_it_is(store: FolderStore, cluster: FakeCluster) -> None:
    ran = htctl("logs", "alice", "--attempt", "3", "--store", store.address)
    assert ran.code == 1
    assert ran.err.startswith("alice: no attempt 3; it is failed")


def test_a_bot_that_was_made_without_a_cluster_has_its_log_in_the_store(
    store: FolderStore, cluster: FakeCluster
) -> None:
    keys = add_run(store, "bob-0000aaaa", bot="bob", current=True)
    store.write(keys.log, LOG)
    assert "one" in htctl("logs", "bob", "--store", store.address).out


def test_a_bot_that_is_nowhere_may_be_in_a_batch_elsewhere(store: FolderStore, cluster: FakeCluster) -> None:
    Path(store.address).mkdir()
    ran = htctl("logs", "nobody", "--store", store.address)
    assert (ran.code, ran.err.endswith("; of a batch elsewhere: -f bots.yaml\n")) == (2, True)


def test_whose_log_must_be_said() -> None:
    assert htctl("logs").code == 2
    assert htctl("logs", "alice", "--failed").code == 2
    assert htctl("logs", "alice", "-F", "--attempt", "1").code == 2
