"""Why a group is not at work: what Kueue, the scheduler and the node say, as a phase and a line."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from k8s import raw
from k8s.manifests import Manifest
from k8s.names import QUEUE
from k8s.states import Phase, Seen

# What a container waits for, by the reason that the node gives. All but ContainerCreating can last for ever.
PULL = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
MAKE = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError")
CREATING_S = 120.0  # a container is made in seconds; after so long something is missing


class Wait(NamedTuple):
    """A phase, why, and since when it has held what it cannot use (None: it holds nothing, or all is well)."""

    phase: Phase
    detail: str = ""
    stuck_since: float | None = None


def suspended(seen: Seen) -> Wait:
    """Of a Job that is suspended: by a person, or by Kueue until there is quota."""
    job, workload = seen.job or {}, seen.workload
    stopping = "its Pod is stopping" if any(not raw.ended(pod) for pod in seen.pods) else ""
    queue = (job["metadata"].get("labels") or {}).get(QUEUE)
    if workload is None:
        if not queue:
            return Wait(Phase.PAUSED, stopping)
        return Wait(Phase.QUEUED, f"Kueue has not seen it yet in queue {queue} (is Kueue there?)")
    if workload["spec"].get("active") is False:
        return Wait(Phase.PAUSED, stopping or _said(raw.condition(workload, "Evicted")))
    reserved, evicted = raw.condition(workload, "QuotaReserved"), raw.condition(workload, "Evicted")
    if evicted.get("status") == "True":
        return Wait(Phase.PREEMPTED, _join(stopping, _ahead(seen.ahead), _evicted(evicted), _said(reserved)))
    if reserved.get("status") == "True":
        return Wait(Phase.QUEUED, "quota is reserved; " + (_checks(workload) or "it starts in a moment"))
    return Wait(Phase.QUEUED, _join(_ahead(seen.ahead), _said(reserved)))


def pod(found: Manifest, now: float, in_queue: bool) -> Wait:
    """Of a Pod that is not running yet."""
    bound = raw.condition(found, "PodScheduled")
    if bound.get("status") != "True":
        # Only quota of a queue is held by what no node takes.
        since = raw.created(found) if in_queue and bound else None
        return Wait(Phase.SCHEDULING, _scheduler(str(bound.get("message") or "")), since)
    waiting: Mapping[str, Any] = _init(found) or raw.container(found).get("waiting") or {}
    reason, since = waiting.get("reason", ""), raw.moment(bound.get("lastTransitionTime"))
    if reason in PULL:
        image = _image(found)
        return Wait(Phase.PULLING, f"{reason}: {raw.line(waiting.get('message')) or image}", since)
    if reason in MAKE:
        return Wait(Phase.STARTING, f"{reason}: {raw.line(waiting.get('message'))}", since)
    late = since is not None and now - since > CREATING_S
    if raw.holds(found, "PodReadyToStartContainers"):
        return Wait(Phase.PULLING, _image(found), since if late else None)
    detail = "its volumes or network are not there; kubectl describe pod says which" if late else ""
    return Wait(Phase.STARTING, _join(f"on {found['spec']['nodeName']}", detail), since if late else None)


def _init(found: Manifest) -> Mapping[str, Any]:
    """What a helper before the container waits for, where that cannot last for ever unsaid."""
    for status in (found.get("status") or {}).get("initContainerStatuses") or ():
        waiting: Mapping[str, Any] = (status.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in (*PULL, *MAKE):
            return waiting
    return {}


def _image(found: Manifest) -> str:
    return str(next((each.get("image", "") for each in found["spec"]["containers"]), ""))


def _scheduler(message: str) -> str:
    """What the scheduler says, without its last sentence, which says that evicting others would not help."""
    return raw.line(message.partition(" preemption: ")[0].removesuffix(" no new claims to deallocate,")).rstrip(".")


def _evicted(evicted: Mapping[str, Any]) -> str:
    reason = str(evicted.get("reason", ""))
    if reason == "Preempted":
        return "made way for a workload of higher priority" if "prioritization in the" in _said(evicted) else reason
    return f"{reason}: {_said(evicted)}"


def _checks(workload: Manifest) -> str:
    """What Kueue still waits for after the quota."""
    checks = (workload.get("status") or {}).get("admissionChecks") or ()
    left = [f"{each['name']} ({each.get('message') or each['state']})" for each in checks if each["state"] != "Ready"]
    return "waits for " + ", ".join(left) if left else ""


def _ahead(count: int | None) -> str:
    if count is None:
        return ""
    return f"{count:,} before it" if count else "next in its queue"


def _said(about: Mapping[str, Any]) -> str:
    return raw.line(about.get("message") or about.get("reason"))


def _join(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
