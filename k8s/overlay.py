"""What a person lays over a manifest: how the two merge, and what is refused since the run's contract rests on it."""

from collections.abc import Iterator, Mapping
from typing import Any

from k8s.names import CONTAINER, RESERVED_ENV
from pipeline import schema
from pipeline.schema import Problem

# Lists whose entries are known by a name; all others are replaced.
IDENTITY = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "imagePullSecrets": "name",
}
WHOLE = ("env", "volumes")  # their entries have one source: half of one and half of another would be none

CODES = "what the exit codes mean is fixed"
NODES = "write resources.nodes"
TEMPLATE = "the Pod's spec goes under kubernetes.pod; labels and annotations have keys of their own"
IN_JOB = {
    "template": TEMPLATE,
    "metadata": TEMPLATE,
    "spec": "what belongs under spec stands here directly",
    "backoffLimit": "write kubernetes.backoff_limit",
    "ttlSecondsAfterFinished": "write kubernetes.keep_seconds",
    "podFailurePolicy": CODES,
    "podReplacementPolicy": "two Pods must not write one run",
    "backoffLimitPerIndex": CODES,
    "maxFailedIndexes": CODES,
    "successPolicy": CODES,
    "completions": NODES,
    "parallelism": NODES,
    "completionMode": NODES,
    "selector": "the Job controller sets it",
    "manualSelector": "the Job controller sets it",
}
IN_POD = {
    "metadata": TEMPLATE,
    "spec": IN_JOB["spec"],
    "template": TEMPLATE,
    "restartPolicy": "a failed Pod is the Job's to replace",
    "terminationGracePeriodSeconds": "write kubernetes.grace_seconds",
    "hostname": "nodes of a run find each other by it",
    "subdomain": "nodes of a run find each other by it",
    "setHostnameAsFQDN": "nodes of a run find each other by it",
}
IN_CONTAINER = {
    "image": "write kubernetes.image",
    "imagePullPolicy": "write kubernetes.pull_policy",
    "terminationMessagePath": "the reason of a failure is read there",
    "terminationMessagePolicy": "the reason of a failure is read there",
}


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Both as one: mappings merge, lists of named things merge by name, all else is `over`'s."""
    merged = dict(under)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(old, value)
        elif key in IDENTITY and isinstance(old, list | tuple) and isinstance(value, list | tuple):
            merged[key] = _merge_lists(key, old, value)
        else:
            merged[key] = value
    return merged


def lay_over(manifest: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with `over` on it; a key whose value is null there is taken out."""
    if not over:
        return dict(manifest)
    merged = merge(manifest, over)
    return dict(_without_nulls(merged)) if _has_null(over) else merged


def refused_in_job(over: Mapping[str, Any]) -> Iterator[Problem]:
    """What a Job's overlay must leave alone."""
    yield from _refused(over, IN_JOB)


def refused_in_pod(over: Mapping[str, Any]) -> Iterator[Problem]:
    """What a Pod's overlay must leave alone."""
    yield from _refused(over, IN_POD)
    containers = over.get("containers", [])
    if not isinstance(containers, list):
        yield Problem(("containers",), f"must be a list, not {schema.say(containers)}")
        return
    for index, container in enumerate(containers):
        for problem in _refused_in_container(container):
            yield Problem(("containers", index, *problem.path), problem.text)


def _refused_in_container(container: Any) -> Iterator[Problem]:
    if not isinstance(container, Mapping) or container.get("name") != CONTAINER:
        yield Problem(
            (),
            f"must be the one named {CONTAINER}: another would keep the Job from ending; "
            "a helper beside it is an entry of initContainers with restartPolicy: Always",
        )
        return
    yield from _refused(container, IN_CONTAINER)
    for index, variable in enumerate(container.get("env") or ()):
        if isinstance(variable, Mapping) and variable.get("name") in RESERVED_ENV:
            yield Problem(("env", index), f"{variable['name']} is set by htctl")


def _refused(over: Mapping[str, Any], table: Mapping[str, str]) -> Iterator[Problem]:
    for key in over:
        if key in table:
            yield Problem((key,), f"cannot be changed here: {table[key]}")


def _merge_lists(key: str, under: Any, over: Any) -> list[Any]:
    merged = list(under)
    places = {_identity(key, item): index for index, item in enumerate(merged)}
    places.pop("", None)
    for item in over:
        index = places.get(_identity(key, item))
        if index is None:
            merged.append(item)
        else:
            merged[index] = item if key in WHOLE else merge(merged[index], item)
    return merged


def _identity(key: str, item: Any) -> str:
    """What an entry goes by; empty where it has no name."""
    return str(item.get(IDENTITY[key]) or "") if isinstance(item, Mapping) else ""


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _has_null(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_null, value.values()))
    return any(map(_has_null, value)) if isinstance(value, list) else value is None
