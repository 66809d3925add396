"""How a Job in the cluster differs from what would be sent: settings of the run, and paths of the manifest."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from k8s import names
from k8s.manifests import Manifest
from pipeline.config import ENVIRONMENT

ABSENT = "(none)"
SHOWN, LONGEST = 6, 60  # differences, and characters of a value
NOT_COMPARED = (names.MANIFEST, f"{names.DOMAIN}/config", names.RUN)  # follow from the rest


class Difference(NamedTuple):
    """A place, what is there, and what would be sent."""

    path: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.path}: {_short(self.old)} -> {_short(self.new)}"


def lines(manifest: Manifest, found: Manifest) -> list[str]:
    """A few lines for a person; the run's settings first."""
    every = differences(manifest, found)
    if not every:
        return ["something that was set is set no more (htctl render shows what would be sent)"]
    more = [f"and {len(every) - SHOWN} more"] if len(every) > SHOWN else []
    return [str(difference) for difference in every[:SHOWN]] + more


def differences(manifest: Manifest, found: Manifest) -> list[Difference]:
    """Where the two differ. Of the cluster's object only that counts which is sent: all else are its defaults."""
    new, old = _run(manifest), _run(found)
    told = list(_compare("", old, new, whole=True))
    shown, there = _comparable(manifest), _comparable(found)
    return told + [
        difference
        for key in ("metadata", "spec")
        for difference in _compare(key, there.get(key), shown[key])
        if not difference.path.endswith(NOT_COMPARED)
    ]


def _run(job: Manifest) -> dict[str, Any]:
    """The run's config; empty where it is not to be found."""
    for container in _pod(job).get("containers", []):
        for variable in container.get("env") or []:
            if variable["name"] == ENVIRONMENT:
                return dict(json.loads(variable.get("value") or "{}"))
    return {}


def _pod(job: Manifest) -> Mapping[str, Any]:
    return dict(job.get("spec", {}).get("template", {}).get("spec", {}))


def _comparable(job: Manifest) -> Manifest:
    """A Job without what is told elsewhere: the run's config, the namespace, and the template's copy of the labels."""
    metadata = {key: job["metadata"].get(key, {}) for key in ("labels", "annotations")}
    pod = dict(_pod(job))
    containers = []
    for container in pod.get("containers", []):
        env = [variable for variable in container.get("env") or [] if variable["name"] != ENVIRONMENT]
        containers.append({**container, "env": env})
    pod["containers"] = containers
    return {"metadata": metadata, "spec": {**job.get("spec", {}), "template": {"spec": pod}}}


def _compare(path: str, old: Any, new: Any, whole: bool = False) -> Iterator[Difference]:
    """`whole`: what is only in `old` counts too."""
    both = whole
    if isinstance(old, list) and isinstance(new, list) and _named(old) and _named(new):
        old, new = ({item["name"]: item for item in items} for items in (old, new))
        both = True  # the cluster adds no item of its own
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*new, *(key for key in old if both and key not in new)]:
            inner = f"{path}.{key}" if path else str(key)
            yield from _compare(inner, old.get(key, ABSENT), new.get(key, ABSENT), whole)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _compare(f"{path}[{index}]", one, other, whole)
    elif old != new and not _empty(old, new):
        yield Difference(path, old, new)


def _named(items: list[Any]) -> bool:
    return all(isinstance(item, Mapping) and "name" in item for item in items)


def _empty(old: Any, new: Any) -> bool:
    """Whether both say nothing: the cluster leaves empty mappings and lists out."""
    return old in (ABSENT, None) and new in ({}, [], None)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
