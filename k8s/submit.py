"""Sends a batch's objects: each of them once, however often, until all are there or one answer speaks for all."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from k8s import difference, names, parallel
from k8s.cluster import Cluster
from k8s.errors import AlreadyThereError, ConflictError, InvalidError, NotThereError
from k8s.manifests import Manifest
from k8s.outcome import is_deleted

CREATED, THERE, REFUSED = "created", "already there", "refused"


class Sent(NamedTuple):
    """What became of an object; `problem` is a line where it was refused."""

    name: str
    what: str
    problem: str = ""


class Plan(NamedTuple):
    """What is to be done with each object, from what the cluster has."""

    new: list[Manifest]
    there: list[Manifest]  # just as they would be sent
    changed: list[Manifest]  # there, but sent otherwise
    going: list[Manifest]  # there, and being deleted


def plan(manifests: Sequence[Manifest], present: Mapping[str, Manifest]) -> Plan:
    """What to do with a batch's Jobs; `present` has the batch's Jobs in the cluster by name, or their heads."""
    made = Plan([], [], [], [])
    for manifest in manifests:
        found = present.get(manifest["metadata"]["name"])
        if found is None:
            made.new.append(manifest)
        elif is_deleted(found):
            made.going.append(manifest)
        else:
            (made.there if is_same(manifest, found) else made.changed).append(manifest)
    return made


def is_same(manifest: Manifest, found: Manifest) -> bool:
    """Whether the object that is there was sent as this one would be."""
    return bool(manifest["metadata"]["annotations"][names.MANIFEST] == _annotation(found))


def heads(cluster: Cluster, batch: str) -> dict[str, Manifest]:
    """The batch's Jobs in the cluster by name, their metadata alone; one list."""
    return {head["metadata"]["name"]: head for head in cluster.heads("Job", names.selector(batch)).items}


def send_all(cluster: Cluster, manifests: Sequence[Manifest], *, dry_run: bool = False) -> Iterator[Sent]:
    """Send objects, some at once; tells what became of each. A Service goes before the Jobs that need it.

    Raises the first ClusterError that the others would get too: bad credentials, no namespace, a quota, a webhook.
    """
    first = [manifest for manifest in manifests if manifest["kind"] != "Job"]
    jobs = [manifest for manifest in manifests if manifest["kind"] == "Job"]
    for some in (first, jobs):
        yield from parallel.each(lambda manifest: send(cluster, manifest, dry_run=dry_run), some)


def send(cluster: Cluster, manifest: Manifest, *, dry_run: bool = False) -> Sent:
    """Create an object, unless the very same is there."""
    name = manifest["metadata"]["name"]
    try:
        cluster.create(manifest, dry_run=dry_run)
    except AlreadyThereError:
        return _judge(cluster, manifest, dry_run)
    except InvalidError as error:
        return Sent(name, REFUSED, str(error))
    return Sent(name, CREATED)


def conflict(cluster: Cluster, manifest: Manifest) -> str:
    """How a Job that is there differs from what would be sent, in a few lines; what it was read from is gone: ""."""
    name = manifest["metadata"]["name"]
    try:
        found = cluster.get("Job", name)
    except NotThereError:
        return ""
    return "\n         ".join([f"{name}:", *difference.lines(manifest, found)])


def _judge(cluster: Cluster, manifest: Manifest, dry_run: bool) -> Sent:
    """What it means that a name is taken."""
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    try:
        found = cluster.get(kind, name)
    except NotThereError:  # it went in between
        return send(cluster, manifest, dry_run=dry_run)
    if not _is_ours(manifest, found):
        return Sent(name, REFUSED, f"{kind} {name}: the name is taken by something that is not htctl's; delete it")
    if is_deleted(found):
        return Sent(name, REFUSED, f"{kind} {name} is being deleted; run the same command again when it is gone")
    if kind != "Job" or is_same(manifest, found):
        return Sent(name, THERE)
    return Sent(name, REFUSED, conflict(cluster, manifest))


def _is_ours(manifest: Manifest, found: Manifest) -> bool:
    """Whether an object of that name does what ours would: a Service, whoever made it (the chart does), by its Pods."""
    if manifest["kind"] == "Service":
        return bool(found.get("spec", {}).get("selector") == manifest["spec"]["selector"])
    return bool(found["metadata"].get("labels", {}).get(names.MANAGER) == "htctl")


def refuse_changed(cluster: Cluster, changed: Sequence[Manifest], some: int = 3) -> None:
    """Raise ConflictError where Jobs are there that were sent otherwise; the first few with what differs."""
    if changed:
        raise ConflictError(conflicts(cluster, changed, some))


def conflicts(cluster: Cluster, changed: Sequence[Manifest], some: int = 3) -> str:
    """That Jobs are there that were sent otherwise, and how the first few of them differ."""
    told = [conflict(cluster, manifest) for manifest in changed[:some]]
    more = [f"and {len(changed) - some} more"] if len(changed) > some else []
    head = f"{len(changed)} Jobs are" if len(changed) > 1 else "1 Job is"
    what = f"{head} there with another config; --replace deletes and makes anew, another --batch leaves them alone:"
    return "\n       ".join([what, *told, *more])


def _annotation(found: Manifest) -> str:
    return str(found["metadata"].get("annotations", {}).get(names.MANIFEST, ""))
