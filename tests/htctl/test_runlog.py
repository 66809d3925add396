from htctl import runlog
from pipeline.layout import RunKeys
from pipeline.store.folder import FolderStore
from tests.k8s.fakes import FakeCluster, ended, job, pod

KEYS = RunKeys("alice", "night-1")
LOG = "--- attempt 1, process 7 on alice-pod-a\none\ntwo\n--- attempt 2, process 7 on alice-pod-b\nthree\n"
RAN = {"containerStatuses": [{"name": "train", "state": {"running": {"startedAt": "2026-11-25T17:00:02Z"}}}]}


def lines(store: FolderStore, pods: dict[str, list[str]], number: int = 0) -> list[str]:
    cluster = FakeCluster()
    cluster.pod_logs = {name: said for name, said in pods.items() if said}
    there = [pod("alice", name=name, **RAN) for name in pods]
    return list(runlog.lines(cluster, there, runlog.tries(store, KEYS), number))


def test_tries_are_told_apart(store: FolderStore) -> None:
    store.write(KEYS.log, LOG.encode())
    assert [(each.number, each.host, each.lines) for each in runlog.tries(store, KEYS)] == [
        (1, "alice-pod-a", ["one", "two"]),
        (2, "alice-pod-b", ["three"]),
    ]
    assert runlog.tries(store, RunKeys("bob", "night-1")) == []


def test_a_pod_s_own_log_stands_for_what_the_store_kept_of_it(store: FolderStore) -> None:
    store.write(KEYS.log, LOG.encode())
    found = lines(store, {"alice-pod-b": ["three", "four"], "alice-pod-c": ["five"]})
    assert found == [
        "--- attempt 1, alice-pod-a", "one", "two", "--- attempt 2, alice-pod-b", "three", "four",
        "--- attempt 3, alice-pod-c", "five",
    ]  # fmt: skip
    assert lines(store, {"alice-pod-b": ["three", "four"]}, number=2)[1:] == ["three", "four"]
    assert lines(store, {}, number=1)[1:] == ["one", "two"]
    assert lines(store, {"alice-pod-b": []})[-1] == "three"  # gone since it was listed


def test_a_log_is_followed_from_pod_to_pod_until_the_job_is_over() -> None:
    cluster = FakeCluster(
        Job=[ended(job("alice"))], Pod=[pod("alice", name="p1", **RAN), pod("alice", name="p2", **RAN)]
    )
    cluster.pod_logs = {"p1": ["one"], "p2": ["two"]}
    assert list(runlog.follow(cluster, "alice")) == ["--- p1", "one", "--- p2", "two"]
