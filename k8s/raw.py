"""Reads Kubernetes' own objects: conditions by type (their order says nothing), times, the container's state."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from k8s.manifests import GPU, Manifest
from k8s.names import BATCH, BOT, CONTAINER, HANDLES, RUN
from k8s.states import Group
from pipeline import moments, order
from pipeline.config import ENVIRONMENT


def group(job: Manifest) -> Group:
    """The group that a Job is of, by its annotations, its label and what its container is told."""
    about = job["metadata"]
    notes = about.get("annotations") or {}
    handles = tuple(filter(None, str(notes.get(HANDLES, "")).split("+")))
    batch = str((about.get("labels") or {}).get(BATCH, ""))
    return Group(notes.get(BOT, about["name"]), notes.get(RUN, ""), about["name"], handles, batch, store(job))


def store(job: Manifest) -> str:
    """The store that a Job's own config names; empty where none tells."""
    inner = ((job.get("spec") or {}).get("template") or {}).get("spec") or {}
    for each in inner.get("containers") or ():
        for variable in each.get("env") or () if each.get("name") == CONTAINER else ():
            if variable["name"] in (ENVIRONMENT, order.ENVIRONMENT):
                try:
                    return str(json.loads(variable["value"])["store"])
                except (ValueError, TypeError, KeyError):  # of another version
                    continue
    return ""


def slim(thing: Manifest) -> Manifest:
    """An object without what no state is told from: a batch of 10,000 is kept in memory for as long as it lasts."""
    about, spec = thing["metadata"], thing.get("spec") or {}
    made = {**thing, "metadata": {key: value for key, value in about.items() if key != "managedFields"}}
    if "template" in spec:
        inner = spec["template"].get("spec") or {}
        made["spec"] = {**spec, "template": {"spec": {"containers": _slim(inner, "name", "image", "resources", "env")}}}
        made["spec"].pop("podFailurePolicy", None)
    elif "containers" in spec:
        node = {"nodeName": spec["nodeName"]} if "nodeName" in spec else {}
        made["spec"] = {**node, "containers": _slim(spec, "name", "image", "resources")}
    return made


def _slim(spec: Mapping[str, Any], *keys: str) -> list[dict[str, Any]]:
    return [{key: each[key] for key in keys if key in each} for each in spec.get("containers") or ()]


def condition(thing: Manifest | None, kind: str) -> Mapping[str, Any]:
    """An object's condition by its type; empty where it has none."""
    found = ((thing or {}).get("status") or {}).get("conditions") or ()
    return next((each for each in found if each.get("type") == kind), {})


def holds(thing: Manifest | None, kind: str) -> bool:
    """Whether a condition is there and true."""
    return condition(thing, kind).get("status") == "True"


def moment(text: Any) -> float | None:
    """A time of Kubernetes' as seconds since 1970."""

    return moments.moment(str(text)) if text else None


def created(thing: Manifest) -> float:
    """When an object was made."""
    return moment(thing["metadata"].get("creationTimestamp")) or 0.0


def owner(thing: Manifest) -> str:
    """The uid of the object that owns this one; empty where none does."""
    owners = thing["metadata"].get("ownerReferences") or ()
    return str(next((each["uid"] for each in owners if each.get("controller")), owners[0]["uid"] if owners else ""))


def container(pod: Manifest) -> Mapping[str, Any]:
    """The state of the pipeline's container: `waiting`, `running` or `terminated`; empty before the node has one."""
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if status.get("name") == CONTAINER:
            return status.get("state") or {}
    return {}


def ended(pod: Manifest) -> bool:
    """Whether a Pod has come to its end."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def began(pod: Manifest) -> bool:
    """Whether a Pod's container has run at all."""
    state = container(pod)
    return "running" in state or bool(moment((state.get("terminated") or {}).get("finishedAt")))


def end(pod: Manifest) -> float | None:
    """When a Pod's container ended."""
    return moment((container(pod).get("terminated") or {}).get("finishedAt"))


def message(pod: Manifest) -> str:
    """The last word of a Pod's container: its termination message."""
    return str((container(pod).get("terminated") or {}).get("message", ""))


def line(text: Any) -> str:
    """What Kubernetes says, on one line."""
    return " ".join(str(text or "").split())


def resources(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a Pod's spec asks for the pipeline's container."""
    for each in spec.get("containers") or ():
        if each.get("name") == CONTAINER:
            return each.get("resources") or {}
    return {}


def limit(spec: Mapping[str, Any], name: str) -> str:
    """A limit of the pipeline's container as it is written; empty where it has none."""
    return str((resources(spec).get("limits") or {}).get(name, ""))


def gpu_seconds(pods: Iterable[Manifest], now: float) -> float:
    """How long Pods have held GPUs, from the moment that a node was theirs."""
    held = 0.0
    for pod in pods:
        bound = condition(pod, "PodScheduled")
        gpus = limit(pod.get("spec") or {}, GPU)
        since = moment(bound.get("lastTransitionTime")) if bound.get("status") == "True" else None
        if since is not None and gpus.isdigit():
            until = (end(pod) or since) if ended(pod) else now
            held += int(gpus) * max(until - since, 0)
    return held
