"""What a namespace's quota leaves of what a batch asks for."""

import re
from collections.abc import Iterator, Sequence

from htctl.checks import BAD, NOTE, OK, Check
from k8s import raw
from k8s.cluster import Cluster
from k8s.errors import ClusterError
from k8s.manifests import GPU, Manifest

SCALE = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}
SCALE |= {"Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50}
ALIAS = {"cpu": "requests.cpu", "memory": "requests.memory"}  # older names of the same


def check(cluster: Cluster, jobs: Sequence[Manifest]) -> Iterator[Check]:
    """A quota that one Pod does not fit into is an error; one that the whole batch does not, only slower."""
    try:
        quotas = cluster.list("ResourceQuota").items
    except ClusterError as error:
        yield Check("quota", NOTE, f"may not be looked at: {error}")
        return
    found = [problem for quota in quotas for problem in _of(quota, jobs)]
    yield from found
    if not found:
        yield Check("quota", OK, f"{len(quotas)} in the namespace; the batch fits" if quotas else "none")


def _of(quota: Manifest, jobs: Sequence[Manifest]) -> Iterator[Check]:
    name, status = quota["metadata"]["name"], quota.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    for key in sorted(hard):
        each = [amount for amount in (_asks(job, ALIAS.get(key, key)) for job in jobs) if amount]
        free = number(hard[key]) - number(used.get(key, "0"))
        mend = f"have ResourceQuota {name} raised, or ask for less under resources"
        if each and max(each) > number(hard[key]):
            yield Check("quota", BAD, f"{name}: {key} is {hard[key]}, one run asks for {max(each):g}", mend)
        elif sum(each) > free and key == "count/jobs.batch":
            yield Check("quota", BAD, f"{name}: room for {free:g} more Jobs, the batch has {len(jobs):,}", mend)
        elif sum(each) > free:
            fit = int(free // max(each))
            yield Check("quota", NOTE, f"{name}: {key} leaves room for {fit:,} of {len(jobs):,} runs at once", mend)


def _asks(job: Manifest, key: str) -> float:
    """What a Job takes of a quota's key."""
    spec = job["spec"]
    pods, pod = int(spec.get("parallelism") or 1), spec["template"]["spec"]
    if key in ("pods", "count/pods"):
        return pods
    if key == "count/jobs.batch":
        return 1
    kind, _, resource = key.partition(".")
    if kind not in ("requests", "limits") or resource not in ("cpu", "memory", GPU):
        return 0
    return pods * number((raw.resources(pod).get(kind) or {}).get(resource, "0"))


def number(quantity: str) -> float:
    """A quantity as Kubernetes writes it (`500m`, `16Gi`) as a number."""
    found = re.fullmatch(r"([0-9.]+(?:e[0-9]+)?)([mkMGTP]i?|Ki)?", str(quantity))
    return float(found[1]) * SCALE[found[2] or ""] if found else 0.0
