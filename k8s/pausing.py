"""Pausing Jobs and having them go on: what is changed of which object, and the sending of it.

A Job's own `suspend`; with a queue its Workload's `active`, since Kueue sets `suspend` by itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from k8s import names, parallel
from k8s.cluster import Cluster
from k8s.errors import NotThereError
from k8s.manifests import Manifest
from k8s.outcome import ended, is_deleted


class Step(NamedTuple):
    """A change of one object; `job` is the Job that it is about. Nothing to change: no kind, and the reason."""

    job: Manifest
    kind: str = ""
    name: str = ""
    change: Mapping[str, Any] = {}
    reason: str = ""


def steps(jobs: Sequence[Manifest], workloads: Sequence[Manifest] | None, pause: bool) -> list[Step]:
    """What is to be done with each Job; `workloads` are the namespace's, None where there is no Kueue."""
    owned = {
        owner["uid"]: workload
        for workload in workloads or []
        for owner in workload["metadata"].get("ownerReferences") or []
    }
    return [_step(job, owned.get(job["metadata"]["uid"]), workloads is not None, pause) for job in jobs]


def queued(job: Manifest) -> bool:
    """Whether a Job is in one of Kueue's queues."""
    return names.QUEUE in job["metadata"].get("labels", {})


def workloads(cluster: Cluster, jobs: Sequence[Manifest]) -> list[Manifest] | None:
    """The Workloads of the namespace, by one list, where a Job needs them; None where the cluster has no Kueue."""
    if not any(map(queued, jobs)):
        return []
    try:
        return cluster.list("Workload").items
    except NotThereError:
        return None


def send(cluster: Cluster, planned: Sequence[Step]) -> Iterator[Step]:
    """Send the changes; tells each that was made, or why it was not."""

    def one(step: Step) -> Step:
        try:
            cluster.patch(step.kind, step.name, step.change)
        except NotThereError:
            return Step(step.job, reason="it is gone")
        return step

    yield from parallel.each(one, planned)


def _step(job: Manifest, workload: Manifest | None, kueue: bool, pause: bool) -> Step:
    already = "it is paused already" if pause else "it is not paused"
    if is_deleted(job) or ended(job):
        return Step(job, reason="it has ended")
    if not (queued(job) and kueue):
        if bool(job["spec"].get("suspend")) == pause:
            return Step(job, reason=already)
        return Step(job, "Job", job["metadata"]["name"], {"spec": {"suspend": pause}})
    if workload is None:
        return Step(job, reason="Kueue has not taken it up yet; try again")
    if workload["spec"].get("active", True) != pause:
        return Step(job, reason=already)
    return Step(job, "Workload", workload["metadata"]["name"], {"spec": {"active": not pause}})
