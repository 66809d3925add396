"""A Job around the one container that does a piece of work: what all of htctl's Jobs have in common; pure functions."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from k8s import names, overlay
from k8s.settings import MOUNT_KEYS, Kubernetes
from pipeline.config import NODE, POD, TERMINATION, canonical_json

Manifest = dict[str, Any]

TRY_AGAIN = 75
GIVE_UP = (64, 65, 66, 67, 68, 69, 77)
SCRATCH = "/tmp"  # noqa: S108 - the one place of the container's own that can be written, home and caches too
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - 64 MiB where nothing is mounted, too little for NCCL
TERMINATION_MESSAGE = "/dev/termination-log"


@dataclass(frozen=True)
class Work:
    """What a Job is for: its name, labels and annotations, and what its container is told."""

    name: str
    labels: Mapping[str, str]
    notes: Mapping[str, str]
    told: tuple[str, str]  # the variable that says what to do, and what it says


@dataclass(frozen=True)
class Shape:
    """What a Job's container is given, and on how many nodes; `env` is what else it is told."""

    resources: Manifest
    nodes: int = 1
    env: Sequence[Manifest] = field(default=())


class Frame:
    """What Jobs of one shape and the same settings have in common: laid together once, it serves thousands."""

    def __init__(self, shape: Shape, settings: Kubernetes) -> None:
        self.settings = settings
        self.job = overlay.lay_over(_job(shape, settings), settings.job)
        self.pod = overlay.lay_over(_pod(shape, settings), settings.pod)
        self.queue = {names.QUEUE: settings.queue} if settings.queue else {}
        self.of_pod = {f"{names.DOMAIN}/service": names.SERVICE} if shape.nodes > 1 else {}
        self.digest = _digest({"job": self.job, "pod": self.pod, "labels": {**self.queue, **self.of_pod}})


def job(work: Work, frame: Frame) -> Manifest:
    """The Job of a piece of work, with what the batch file lays over it."""
    settings = frame.settings
    notes, labels = {**settings.annotations, **work.notes}, {**settings.labels, **work.labels}
    container, *others = frame.pod["containers"]
    told = {**container, "env": [_told(work), *container["env"]]}
    template = {
        "metadata": {"labels": {**labels, **frame.of_pod}, "annotations": notes},
        "spec": {**frame.pod, "containers": [told, *others]},
    }
    made: Manifest = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(work.name, settings.namespace, {**labels, **frame.queue}, notes),
        "spec": {**frame.job, "template": template},
    }
    own = {"frame": frame.digest, "name": work.name, "labels": labels, "annotations": notes, "told": work.told}
    seen_as = {names.MANIFEST: _digest(own)}
    return {**made, "metadata": {**made["metadata"], "annotations": {**notes, **seen_as}}}


def _digest(data: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of what a Job is sent as, its namespace apart: by it the same Job is known when it is there."""
    return hashlib.sha256(canonical_json(data).encode()).hexdigest()


def metadata(name: str, namespace: str, labels: Mapping[str, str], annotations: Mapping[str, str]) -> Manifest:
    """An object's metadata, without what is empty."""
    given = {"namespace": namespace, "labels": dict(labels), "annotations": dict(annotations)}
    return {"name": name, **{key: value for key, value in given.items() if value}}


def _job(shape: Shape, settings: Kubernetes) -> Manifest:
    """The Job's spec without its template; the order of the rules matters, the first that matches decides.

    An evicted Pod may end with any code, so eviction comes first; `Failed` keeps a second Pod from starting
    while the first still writes.
    """
    nodes = shape.nodes
    indexed = {"completionMode": "Indexed", "completions": nodes, "parallelism": nodes} if nodes > 1 else {}
    return {
        **indexed,
        "backoffLimit": settings.backoff_limit,
        "podFailurePolicy": {
            "rules": [
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                {"action": "Ignore", "onExitCodes": _codes(TRY_AGAIN)},
                {"action": "FailJob", "onExitCodes": _codes(*GIVE_UP)},
            ]
        },
        "podReplacementPolicy": "Failed",
        "ttlSecondsAfterFinished": settings.keep_seconds,
    }


def _codes(*values: int) -> Manifest:
    return {"containerName": names.CONTAINER, "operator": "In", "values": list(values)}


def _pod(shape: Shape, settings: Kubernetes) -> Manifest:
    wanted = {
        "serviceAccountName": settings.service_account,
        "priorityClassName": settings.priority_class,
        "nodeSelector": dict(settings.node_selector),
        "tolerations": list(settings.tolerations),
        "affinity": dict(settings.affinity),
        "imagePullSecrets": [{"name": name} for name in settings.pull_secrets],
        "subdomain": names.SERVICE if shape.nodes > 1 else "",
    }
    sources = [{key: v for key, v in volume.items() if key not in MOUNT_KEYS[1:]} for volume in settings.volumes]
    base = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": settings.grace_seconds,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        **{key: value for key, value in wanted.items() if value},
        "containers": [_container(shape, settings)],
        "volumes": [
            {"name": "tmp", "emptyDir": {}},
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": settings.shared_memory}},
        ],
    }
    return overlay.merge(base, {"volumes": sources})


def _container(shape: Shape, settings: Kubernetes) -> Manifest:
    pull = {} if settings.pull_policy == "auto" else {"imagePullPolicy": settings.pull_policy}
    mounts = [{key: volume[key] for key in MOUNT_KEYS if key in volume} for volume in settings.volumes]
    base = {
        "name": names.CONTAINER,
        "image": settings.image,
        **pull,
        "env": _environment(shape),
        **({"envFrom": [{"secretRef": {"name": name}} for name in settings.secrets]} if settings.secrets else {}),
        "resources": shape.resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePath": TERMINATION_MESSAGE,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "tmp", "mountPath": SCRATCH}, {"name": "shm", "mountPath": SHARED_MEMORY}],
    }
    given = [variable(name, value) for name, value in settings.env.items()]
    return overlay.merge(base, {"env": given, "volumeMounts": mounts})


def _told(work: Work) -> Manifest:
    """What the container is to do. `$` is spelt as JSON allows, since Kubernetes would take `$(X)` for a variable."""
    name, text = work.told
    return variable(name, text.replace("$", "\\u0024"))


def _environment(shape: Shape) -> list[Manifest]:
    """What the pipeline reads besides."""
    return [
        variable(NODE, {"fieldRef": {"fieldPath": "spec.nodeName"}}),
        variable(POD, {"fieldRef": {"fieldPath": "metadata.name"}}),
        variable(TERMINATION, TERMINATION_MESSAGE),
        *shape.env,
    ]


def variable(name: str, value: str | Mapping[str, Any]) -> Manifest:
    """A text, or where to take it from."""
    return {"name": name, "value": value} if isinstance(value, str) else {"name": name, "valueFrom": dict(value)}
