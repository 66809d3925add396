"""What the batch file's `kubernetes` can set: how and where a run's Job runs, never which bot comes out."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from k8s import names, overlay
from pipeline import schema
from pipeline.config import X_TOKEN
from pipeline.schema import Problem, setting

NAME = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
DNS = "a name of a-z, 0-9, '-' and '.'"
NAMESPACE = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
QUANTITY = r"[0-9]+(\.[0-9]+)?([KMGT]i|[kMGT])?"
ENV_SOURCES = ("secretKeyRef", "configMapKeyRef", "fieldRef", "resourceFieldRef")
BAKED = "/opt/models"  # where the image has base models that were built into it (Dockerfile)
MOUNT_KEYS = ("name", "mountPath", "subPath", "readOnly")
QUEUE_HINT = "is Kueue's; write kubernetes.queue"

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LABEL_KEY = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kubernetes:
    """How a run's Job runs; inside `tolerations`, `affinity`, `volumes`, `pod` and `job` the words are Kubernetes'."""

    image: str = setting("", "the container's image; make image builds one", pattern=r"\S*")
    pull_policy: str = setting(
        "auto", "'auto' is Kubernetes' own rule", choices=("auto", "Always", "IfNotPresent", "Never")
    )
    pull_secrets: tuple[str, ...] = setting((), "names of Secrets for the image's registry", pattern=NAME, form=DNS)
    namespace: str = setting("", "of the whole batch; else that of kubectl's context", pattern=f"({NAMESPACE})?")
    service_account: str = setting(
        "", "for clouds that give it rights; its token is not mounted", pattern=f"({NAME})?", form=DNS
    )
    secrets: tuple[str, ...] = setting((), "names of Secrets whose keys become environment", pattern=NAME, form=DNS)
    queue: str = setting("", "a LocalQueue of Kueue; empty: no queue", pattern=f"({NAME})?", form=DNS)
    priority_class: str = setting("", "the Pod's PriorityClass", pattern=f"({NAME})?", form=DNS)
    node_selector: Mapping[str, str] = setting(dict, "labels that a node must have")
    tolerations: tuple[Any, ...] = setting((), "taints that are no hindrance")
    affinity: Mapping[str, Any] = setting(dict, "which nodes and neighbours")
    env: Mapping[str, Any] = setting(dict, "NAME: text, or {secretKeyRef: {name: ..., key: ...}}")
    volumes: tuple[Any, ...] = setting((), "[{name: ..., mountPath: ..., and the volume's source}]")
    labels: Mapping[str, str] = setting(dict, "on the Job and its Pods")
    annotations: Mapping[str, str] = setting(dict, "on the Job and its Pods")
    backoff_limit: int = setting(3, "faults after which the run has failed", low=0, high=100)
    grace_seconds: int = setting(600, "from SIGTERM to SIGKILL: a step, a checkpoint, its upload", low=30, high=86400)
    keep_seconds: int = setting(86400, "how long a finished Job is kept", low=0, high=31536000)
    shared_memory: str = setting(
        "1Gi", "size of /dev/shm, counted within resources.memory", pattern=QUANTITY, form="a size such as 1Gi"
    )
    pod: Mapping[str, Any] = setting(dict, "laid over the Pod's spec: anything else that Kubernetes knows")
    job: Mapping[str, Any] = setting(dict, "laid over the Job's spec")

    def sees(self, folder: str) -> bool:
        """Whether a folder lies in a volume that the Pod mounts."""
        containers = self.pod.get("containers", [])
        mounts = [*self.volumes, *(mount for container in containers for mount in container.get("volumeMounts", []))]
        return any(PurePosixPath(folder).is_relative_to(mount["mountPath"]) for mount in mounts)

    def has_model(self, folder: str) -> bool:
        """Whether a base model's folder is in such a volume or where the image has its own, this one or not."""
        return PurePosixPath(folder).is_relative_to(BAKED) or self.sees(folder)


def build(*layers: Mapping[str, Any]) -> Kubernetes:
    """The settings of sound layers, lowest first; lists of named things merge by name, as in the manifest."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = overlay.merge(merged, layer)
    return schema.build(Kubernetes, merged)


def check(data: Any, in_group: bool = False) -> list[Problem]:
    """Everything that is wrong with one layer: the mapping of `defaults`, a group or the command line."""
    problems = schema.check(Kubernetes, data)
    if problems:
        return problems
    if in_group and "namespace" in data:
        problems.append(Problem(("namespace",), "is the whole batch's; write it under defaults"))
    for key in ("labels", "annotations", "node_selector"):
        problems += (Problem((key, *p.path), p.text) for p in _check_keys(key, data.get(key, {})))
    problems += (Problem(("env", *p.path), p.text) for p in _check_env(data.get("env", {})))
    for index, volume in enumerate(data.get("volumes", ())):
        problems += [Problem(("volumes", index), text) for text in _check_volume(volume)]
    problems += (Problem(("pod", *p.path), p.text) for p in overlay.refused_in_pod(data.get("pod", {})))
    problems += (Problem(("job", *p.path), p.text) for p in overlay.refused_in_job(data.get("job", {})))
    return problems


def _check_keys(where: str, given: Mapping[str, str]) -> Iterator[Problem]:
    for key, value in given.items():
        if not _LABEL_KEY.fullmatch(key):
            yield Problem((key,), "is not a key that Kubernetes takes")
        if where == "node_selector":
            continue
        if names.is_reserved(key):
            yield Problem((key,), "is htctl's own; take another key")
        if key == names.QUEUE:
            yield Problem((key,), QUEUE_HINT)
        if where == "labels" and not _LABEL_VALUE.fullmatch(value):
            yield Problem((key,), f"must be at most 63 of letters, digits, '.', '_' and '-', not '{value}'")


def _check_env(given: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in given.items():
        if not _ENV_NAME.fullmatch(str(name)):
            yield Problem((name,), "is not a name of an environment variable")
        if name in names.RESERVED_ENV:
            yield Problem((name,), "is set by htctl")
        if isinstance(value, Mapping):
            if len(value) != 1 or next(iter(value)) not in ENV_SOURCES:
                yield Problem((name,), f"must be text, or one of {', '.join(ENV_SOURCES)}")
        elif not isinstance(value, str):
            yield Problem((name,), f"must be text, not {schema.say(value)}; put quotes around it")
        elif name == X_TOKEN:
            yield Problem((name,), "is a secret, and would stand in every Job; name a Secret that holds it")


def _check_volume(volume: Any) -> Iterator[str]:
    if not isinstance(volume, Mapping):
        yield f"must be a mapping with name, mountPath and the volume's source, not {schema.say(volume)}"
        return
    for key in ("name", "mountPath"):
        if not isinstance(volume.get(key), str) or not volume[key]:
            yield f"{key}: is missing"
    sources = [key for key in volume if key not in MOUNT_KEYS]
    if len(sources) != 1:
        yield f"must have one source such as persistentVolumeClaim, not {', '.join(sources) or 'none'}"
