"""Deletes Jobs and waits until they and their Pods are gone, so that the same names can be used anew."""

import time
from collections.abc import Callable, Sequence

from k8s import parallel
from k8s.cluster import Cluster
from k8s.errors import ClusterError, NotThereError
from k8s.manifests import Manifest

EVERY_S = 0.5
LONGEST_EVERY_S = 5.0
BEYOND_GRACE_S = 120  # what a node may take beyond the Pods' own grace period


def remove(cluster: Cluster, found: Sequence[Manifest], labels: str, gone: Callable[[int], None]) -> None:
    """Delete Jobs that were listed by `labels`; returns when the last is gone, tells `gone` how many are.

    A Job that another client is deleting in the background is gone before its Pods are: they are waited for too.
    """
    for _ in parallel.each(lambda job: delete(cluster, job, foreground=True), found):
        pass
    left = {job["metadata"]["uid"] for job in found}
    pause, deadline = EVERY_S, time.monotonic() + _patience(found)
    while True:
        there = {item["metadata"]["uid"] for item in cluster.heads("Job", labels).items}
        owners = {
            owner["uid"]
            for pod in cluster.heads("Pod", labels).items
            for owner in pod["metadata"].get("ownerReferences", [])
        }
        left &= there | owners
        gone(len(found) - len(left))
        if not left:
            return
        if time.monotonic() > deadline:
            raise ClusterError(f"{len(left)} of {len(found)} Jobs are still being deleted; run the same command again")
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_EVERY_S)


def delete(cluster: Cluster, job: Manifest, *, foreground: bool = False) -> bool:
    """Delete this very Job; False where it was gone already."""
    try:
        cluster.delete("Job", job["metadata"]["name"], uid=job["metadata"]["uid"], foreground=foreground)
    except NotThereError:
        return False
    return True


def _patience(found: Sequence[Manifest]) -> float:
    """The longest grace period of the Jobs' Pods, and some more; heads do not tell it: the default's."""
    pods = [job.get("spec", {}).get("template", {}).get("spec", {}) for job in found]
    return max((pod.get("terminationGracePeriodSeconds", 600) for pod in pods), default=0) + BEYOND_GRACE_S
