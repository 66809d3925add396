from k8s import look, names
from tests.k8s.fakes import FakeCluster, job, pod


def a_workload(of: str, queue: str = "bots") -> dict[str, object]:
    owner = {"kind": "Job", "name": of, "uid": f"uid-{of}", "controller": True}
    return {
        "metadata": {"name": f"job-{of}", "ownerReferences": [owner]},
        "spec": {"queueName": queue, "active": True},
        "status": {"conditions": [{"type": "QuotaReserved", "status": "False", "message": "full"}]},
    }


def test_places_are_asked_once_for_each_queue() -> None:
    jobs = [job(f"j{i}", suspend=True) for i in range(3)]
    waiting = [
        {"metadata": {"ownerReferences": [{"uid": f"uid-j{i}"}]}, "positionInClusterQueue": 5 + i} for i in range(3)
    ]
    cluster = FakeCluster(Job=jobs, Pod=[], Workload=[a_workload(f"j{i}") for i in range(3)])
    cluster.objects["PendingWorkloads"] = {"bots": {"items": waiting}}
    found = look.mirror(cluster, "test")
    assert [found.seen(f"j{i}").ahead for i in range(3)] == [5, 6, 7]
    assert cluster.asked.count(("get", "PendingWorkloads")) == 1


def test_events_are_asked_only_where_a_job_has_no_pod() -> None:
    event = {
        "metadata": {"name": "e"},
        "involvedObject": {"uid": "uid-a"},
        "message": "exceeded\nquota: none",
    }
    cluster = FakeCluster(Job=[job("a")], Pod=[], Event=[event])
    assert look.mirror(cluster).seen("a").refusal == "exceeded quota: none"
    cluster = FakeCluster(Job=[job("a")], Pod=[pod("a")], Event=[event])
    assert look.mirror(cluster).seen("a").refusal == ""
    assert ("list", "Event") not in cluster.asked


def test_a_selector_finds_a_batch_or_all_of_them() -> None:
    assert names.selector("vtubers") == "htctl.dev/batch=vtubers"
    assert names.selector() == "htctl.dev/batch"
