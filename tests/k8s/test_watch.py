import threading
from collections.abc import Callable

import pytest

from k8s import watch as watching
from k8s.cluster import Change
from k8s.errors import ClusterError, ForbiddenError, GoneError
from k8s.watch import Watch
from tests.k8s.fakes import FakeCluster, job, pod


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "FIRST_PAUSE_S", 0.005)
    monkeypatch.setattr(watching, "LONGEST_PAUSE_S", 0.02)
    monkeypatch.setattr(watching, "GATHER_S", 0.005)


def followed(cluster: FakeCluster, until: Callable[[Watch], bool]) -> tuple[Watch, list[str]]:
    """A watch that went on until something is so, and what it said."""
    said: list[str] = []
    watch = Watch(cluster, "test", said.append, tick=0.02)
    for turns, _ in enumerate(watch.changes()):
        if until(watch):
            watch.stop()
            return watch, said
        assert turns < 200, "it never came"
    return watch, said


def test_a_watch_tells_what_was_added_changed_and_deleted() -> None:
    cluster = FakeCluster(Job=[job("a"), job("b")], Pod=[], Workload=[])
    cluster.watches["Job"] = [[Change("ADDED", job("c")), Change("DELETED", job("a"))]]
    _, said = followed(cluster, lambda watch: set(watch.mirror.jobs) == {"b", "c"})
    assert said == []


@pytest.mark.parametrize(
    "end", [None, GoneError("410: too old"), ClusterError("the connection broke")], ids=["silent", "410", "dropped"]
)
def test_what_changed_while_no_watch_was_open_is_found_by_a_list(end: ClusterError | None) -> None:
    cluster = FakeCluster(Job=[job("a")], Pod=[], Workload=[])
    lost = threading.Event()

    class Dropping(FakeCluster):
        def watch(self, kind: str, version: str, labels: str = ""):  # type: ignore[no-untyped-def]
            if kind == "Job" and not lost.is_set():
                lost.set()
                self.change("Job", "DELETED", job("a"))
                self.change("Job", "ADDED", job("b"))
                if end:
                    raise end
            return super().watch(kind, version, labels)

    cluster.__class__ = Dropping
    _, said = followed(cluster, lambda watch: set(watch.mirror.jobs) == {"b"})
    assert cluster.asked.count(("list", "Job")) >= 2
    assert any("connection broke" in line for line in said) == (type(end) is ClusterError)


def test_pods_belong_to_their_jobs_by_uid() -> None:
    cluster = FakeCluster(Job=[job("a")], Pod=[pod("a"), pod("another")], Workload=[])
    watch, _ = followed(cluster, lambda watch: bool(watch.mirror.jobs))
    assert [each["metadata"]["name"] for each in watch.mirror.seen("a").pods] == ["a-pod"]


def test_without_kueue_nothing_is_said_of_it() -> None:
    cluster = FakeCluster(Job=[job("a")], Pod=[])
    _, said = followed(cluster, lambda watch: bool(watch.mirror.jobs))
    assert (said, cluster.asked.count(("list", "Workload"))) == ([], 1)
    cluster = FakeCluster(Job=[job("a")], Pod=[], Workload=[])
    cluster.forbidden = {"Workload"}
    assert followed(cluster, lambda watch: bool(watch.mirror.jobs))[1] == []


def test_who_may_not_list_is_told_at_once() -> None:
    cluster = FakeCluster(Job=[job("a")], Pod=[], Workload=[])
    cluster.forbidden = {"Pod"}
    with pytest.raises(ForbiddenError, match="Pod: not allowed"):
        followed(cluster, lambda watch: False)


def test_one_list_for_each_kind_and_never_a_request_for_one_job() -> None:
    cluster = FakeCluster(Job=[job(f"j{i}") for i in range(100)], Pod=[pod(f"j{i}") for i in range(100)], Workload=[])
    cluster.watches = {kind: [[]] for kind in ("Job", "Pod", "Workload")}
    followed(cluster, lambda watch: len(watch.mirror.jobs) == 100)
    assert not [asked for asked in cluster.asked if asked[0] == "get"]
