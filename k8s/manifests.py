"""A run as the objects that Kubernetes is sent: pure functions, so that `render` and `submit` share every byte."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from k8s import names, overlay
from k8s.settings import MOUNT_KEYS, Kubernetes
from pipeline.config import ENVIRONMENT, NODE, POD, TERMINATION, TINY, RunConfig, canonical_json
from pipeline.identity import bot_id

Manifest = dict[str, Any]

TRY_AGAIN = 75
GIVE_UP = (64, 65, 66, 67, 68, 69, 77)
GPU = "nvidia.com/gpu"
SCRATCH = "/tmp"  # noqa: S108 - the one place of the container's own that can be written, home and caches too
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - 64 MiB where nothing is mounted, too little for NCCL
TERMINATION_MESSAGE = "/dev/termination-log"
RENDEZVOUS_PORT = "29500"
INDEX = "metadata.annotations['batch.kubernetes.io/job-completion-index']"


def objects(runs: Iterable[tuple[RunConfig, Kubernetes]]) -> Iterator[Manifest]:
    """All that the runs need, in the order in which it is sent; the Service that nodes share comes once."""
    shared = False
    for config, settings in runs:
        if config.resources.nodes > 1 and not shared:
            shared = True
            yield service(settings.namespace)
        yield job(config, settings)


def service(namespace: str) -> Manifest:
    """The headless Service by which nodes of a run find each other, before they are ready too."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(names.SERVICE, namespace, names.common_labels(), {}),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {f"{names.DOMAIN}/service": names.SERVICE},
        },
    }


def job(config: RunConfig, settings: Kubernetes) -> Manifest:
    """The Job of a run, with what the batch file lays over it."""
    own, notes = names.labels(config), {**settings.annotations, **names.annotations(config)}
    queue = {names.QUEUE: settings.queue} if settings.queue else {}
    of_pod = {f"{names.DOMAIN}/service": names.SERVICE} if config.resources.nodes > 1 else {}
    template = {
        "metadata": {"labels": {**settings.labels, **own, **of_pod}, "annotations": notes},
        "spec": overlay.lay_over(_pod(config, settings), settings.pod),
    }
    spec = overlay.lay_over(_job(config, settings), settings.job)
    name = names.job_name(config.batch, bot_id(config.source, config.handles))
    made: Manifest = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _metadata(name, settings.namespace, {**settings.labels, **own, **queue}, notes),
        "spec": {**spec, "template": template},
    }
    made["metadata"]["annotations"][names.MANIFEST] = digest(made)
    return made


def digest(manifest: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of what a Job is sent as, its namespace apart: by it the same Job is known when it is there."""
    without = {**manifest, "metadata": {k: v for k, v in manifest["metadata"].items() if k != "namespace"}}
    return hashlib.sha256(canonical_json(without).encode()).hexdigest()


def _metadata(name: str, namespace: str, labels: Mapping[str, str], annotations: Mapping[str, str]) -> Manifest:
    given = {"namespace": namespace, "labels": dict(labels), "annotations": dict(annotations)}
    return {"name": name, **{key: value for key, value in given.items() if value}}


def _job(config: RunConfig, settings: Kubernetes) -> Manifest:
    """The Job's spec without its template; the order of the rules matters, the first that matches decides.

    An evicted Pod may end with any code, so eviction comes first; `Failed` keeps a second Pod from starting
    while the first still writes.
    """
    nodes = config.resources.nodes
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


def _pod(config: RunConfig, settings: Kubernetes) -> Manifest:
    wanted = {
        "serviceAccountName": settings.service_account,
        "priorityClassName": settings.priority_class,
        "nodeSelector": dict(settings.node_selector),
        "tolerations": list(settings.tolerations),
        "affinity": dict(settings.affinity),
        "imagePullSecrets": [{"name": name} for name in settings.pull_secrets],
        "subdomain": names.SERVICE if config.resources.nodes > 1 else "",
    }
    sources = [{key: v for key, v in volume.items() if key not in MOUNT_KEYS[1:]} for volume in settings.volumes]
    base = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": settings.grace_seconds,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        **{key: value for key, value in wanted.items() if value},
        "containers": [_container(config, settings)],
        "volumes": [
            {"name": "tmp", "emptyDir": {}},
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": settings.shared_memory}},
        ],
    }
    return overlay.merge(base, {"volumes": sources})


def _container(config: RunConfig, settings: Kubernetes) -> Manifest:
    pull = {} if settings.pull_policy == "auto" else {"imagePullPolicy": settings.pull_policy}
    mounts = [{key: volume[key] for key in MOUNT_KEYS if key in volume} for volume in settings.volumes]
    base = {
        "name": names.CONTAINER,
        "image": settings.image,
        **pull,
        "env": _environment(config),
        **({"envFrom": [{"secretRef": {"name": name}} for name in settings.secrets]} if settings.secrets else {}),
        "resources": _resources(config),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePath": TERMINATION_MESSAGE,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "tmp", "mountPath": SCRATCH}, {"name": "shm", "mountPath": SHARED_MEMORY}],
    }
    given = [_variable(name, value) for name, value in settings.env.items()]
    return overlay.merge(base, {"env": given, "volumeMounts": mounts})


def _environment(config: RunConfig) -> list[Manifest]:
    """What the pipeline reads. `$` is spelt as JSON allows, since Kubernetes would take `$(X)` for a variable."""
    wanted, found = config.resources, []
    if config.base_model != TINY:  # which shares no step: the pipeline gives it one thread
        found = [_variable("OMP_NUM_THREADS", str(max(1, wanted.cpu // max(1, wanted.gpus))))]
    if wanted.nodes > 1:
        name = names.job_name(config.batch, bot_id(config.source, config.handles))
        index = {"fieldRef": {"fieldPath": INDEX}}
        address, each = f"{name}-0.{names.SERVICE}", str(max(1, wanted.gpus))
        rendezvous: tuple[str | Manifest, ...] = (address, RENDEZVOUS_PORT, str(wanted.nodes), index, each)
        found += [_variable(key, value) for key, value in zip(names.NODES, rendezvous, strict=True)]
    return [
        _variable(ENVIRONMENT, config.to_json().replace("$", "\\u0024")),
        _variable(NODE, {"fieldRef": {"fieldPath": "spec.nodeName"}}),
        _variable(POD, {"fieldRef": {"fieldPath": "metadata.name"}}),
        _variable(TERMINATION, TERMINATION_MESSAGE),
        *found,
    ]


def _variable(name: str, value: str | Mapping[str, Any]) -> Manifest:
    """A text, or where to take it from."""
    return {"name": name, "value": value} if isinstance(value, str) else {"name": name, "valueFrom": dict(value)}


def _resources(config: RunConfig) -> Manifest:
    """Memory and GPUs as hard limits; CPUs without one, so that a node's idle ones are used."""
    wanted = config.resources
    gpus = {GPU: str(wanted.gpus)} if wanted.gpus else {}
    return {
        "requests": {"cpu": str(wanted.cpu), "memory": wanted.memory, **gpus},
        "limits": {"memory": wanted.memory, **gpus},
    }
