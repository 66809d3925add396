from typing import Any

import pytest

from k8s import pausing
from k8s.manifests import Manifest
from k8s.names import QUEUE
from tests.k8s import apiserver


def a_job(name: str = "a", queue: bool = False, suspend: bool = False, **changes: Any) -> Manifest:
    labels = {QUEUE: "bots"} if queue else {}
    return {"metadata": {"name": name, "uid": f"uid-{name}", "labels": labels}, "spec": {"suspend": suspend}, **changes}


def a_workload(job: Manifest, **spec: Any) -> Manifest:
    name, uid = job["metadata"]["name"], job["metadata"]["uid"]
    return {"metadata": {"name": f"job-{name}", "ownerReferences": [{"uid": uid}]}, "spec": spec}


ENDED = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}


@pytest.mark.parametrize(
    ("job", "kueue", "pause", "expected"),
    [
        (a_job(), [], True, ("Job", "a", {"spec": {"suspend": True}})),
        (a_job(suspend=True), [], False, ("Job", "a", {"spec": {"suspend": False}})),
        (a_job(queue=True), [a_workload(a_job())], True, ("Workload", "job-a", {"spec": {"active": False}})),
        (
            a_job(queue=True, suspend=True),
            [a_workload(a_job(), active=False)],
            False,
            ("Workload", "job-a", {"spec": {"active": True}}),
        ),
        (a_job(queue=True), None, True, ("Job", "a", {"spec": {"suspend": True}})),
    ],
)
def test_a_job_is_paused_by_what_rules_it(job: Manifest, kueue: Any, pause: bool, expected: Any) -> None:
    (step,) = pausing.steps([job], kueue, pause)
    assert (step.kind, step.name, step.change) == expected


@pytest.mark.parametrize(
    ("job", "kueue", "pause", "reason"),
    [
        (a_job(suspend=True), [], True, "paused already"),
        (a_job(), [], False, "not paused"),
        (a_job(queue=True), [a_workload(a_job(), active=False)], True, "paused already"),
        (a_job(queue=True, suspend=True), [a_workload(a_job())], False, "not paused"),
        (a_job(queue=True), [a_workload(a_job("b"))], True, "not taken it up yet"),
        (a_job(**ENDED), [], True, "has ended"),
    ],
)
def test_what_needs_no_change_says_why(job: Manifest, kueue: Any, pause: bool, reason: str) -> None:
    (step,) = pausing.steps([job], kueue, pause)
    assert (step.kind, reason in step.reason) == ("", True)


def test_workloads_are_listed_once_and_only_for_a_queue() -> None:
    with apiserver.running() as (state, cluster):
        assert pausing.workloads(cluster, [a_job()]) == []
        assert state.asked == []
        state.change("ADDED", "Workload", a_workload(a_job()))
        found = pausing.workloads(cluster, [a_job(queue=True), a_job("b", queue=True)])
        assert found and len(found) == len(state.asked) == 1


def test_a_cluster_without_kueue_has_none() -> None:
    with apiserver.running() as (state, cluster):
        state.script["GET"] = [apiserver.status(404, "the server could not find the requested resource")]
        assert pausing.workloads(cluster, [a_job(queue=True)]) is None


def test_steps_are_sent_and_what_is_gone_is_told() -> None:
    with apiserver.running() as (state, cluster):
        state.change("ADDED", "Job", a_job())
        done = list(pausing.send(cluster, pausing.steps([a_job(), a_job("b")], [], True)))
        assert sorted(step.reason for step in done) == ["", "it is gone"]
        assert state.objects["Job"]["a"]["spec"] == {"suspend": True}
