"""Looks once at what a cluster has of a batch: one list for each kind, all at the same time."""

from concurrent.futures import ThreadPoolExecutor

from k8s import names, raw
from k8s.cluster import Cluster
from k8s.errors import ClusterError, ForbiddenError, NotThereError
from k8s.manifests import Manifest
from k8s.mirror import KINDS, OPTIONAL, Mirror

REFUSED = "involvedObject.kind=Job,reason=FailedCreate"  # of events: a quota or an admission rule was against a Pod


def mirror(cluster: Cluster, batch: str = "") -> Mirror:
    """All of a batch; Kueue's part is left out where there is no Kueue, or it may not be read."""
    found = Mirror()
    with ThreadPoolExecutor(len(KINDS)) as pool:
        for kind, items in zip(KINDS, pool.map(lambda kind: _items(cluster, kind, batch), KINDS), strict=True):
            found.replace(kind, items)
    ask_more(cluster, found)
    return found


def labels(kind: str, batch: str) -> str:
    """The selector for a kind; Kueue gives its objects no labels of the Job's."""
    return "" if kind == OPTIONAL else names.selector(batch)


def ask_more(cluster: Cluster, found: Mirror) -> None:
    """How many are before each in its queue, and why Pods could not be made: a request for each queue, and one."""
    found.ahead = {uid: place for queue in found.queues() for uid, place in _places(cluster, queue).items()}
    found.refusals = _refusals(cluster) if found.without_pods() else {}


def _items(cluster: Cluster, kind: str, batch: str) -> list[Manifest]:
    try:
        return cluster.list(kind, labels(kind, batch)).items
    except (NotThereError, ForbiddenError):
        if kind == OPTIONAL:
            return []
        raise


def _places(cluster: Cluster, queue: str) -> dict[str, int]:
    """By the Job's uid; empty where Kueue does not tell."""
    try:
        waiting = cluster.get("PendingWorkloads", queue).get("items") or ()
    except ClusterError:
        return {}
    return {
        owner["uid"]: int(each.get("positionInClusterQueue", 0))
        for each in waiting
        for owner in each["metadata"].get("ownerReferences") or ()
    }


def _refusals(cluster: Cluster) -> dict[str, str]:
    try:
        events = cluster.list("Event", fields=REFUSED).items
    except ClusterError:
        return {}
    return {each["involvedObject"]["uid"]: raw.line(each.get("message")) for each in events}
