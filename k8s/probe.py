"""One Pod just like a batch's, that does nothing but try the store: makes it, reads its fate, and removes it."""

import secrets
import time
from collections.abc import Callable
from importlib import resources
from typing import NamedTuple

from k8s import ending, names, overlay, phases, raw
from k8s.cluster import Cluster
from k8s.errors import ClusterError, NotThereError
from k8s.manifests import GPU, Manifest
from k8s.states import Group, GroupState, Phase, Seen

LOOK_S = 1.0
NO_NODE_S = 30.0  # after which a Pod that no node takes is given up, where its time is not up before
SOON = ("ErrImagePull",)  # tried again once, before it is told


class Fate(NamedTuple):
    """Whether the Pod did what it should, and what it or the cluster said."""

    well: bool
    said: str


def manifest(job: Manifest, seconds: float, token: str = "") -> Manifest:
    """The Job of a run as one that only tries: the same image, Secrets, nodes, resources and queue."""
    code = resources.files("pipeline.store").joinpath("trial.py").read_text(encoding="utf-8")
    about, spec = job["metadata"], job["spec"]
    pod = spec["template"]["spec"]
    gpus = raw.limit(pod, GPU) or "0"
    ours: Manifest = {"name": names.CONTAINER, "command": ["python", "-c", code], "args": []}
    ours["env"] = [{"name": "HTCTL_PROBE_GPUS", "value": gpus}]
    theirs = spec["template"]["metadata"].get("labels") or {}  # a person's own: NetworkPolicies may go by them
    own = {key: value for key, value in theirs.items() if not names.is_reserved(key)}
    labels = {**own, **names.common_labels(), "app.kubernetes.io/component": "probe"}
    queue = {key: value for key, value in (about.get("labels") or {}).items() if key == names.QUEUE}
    one = overlay.merge(pod, {"containers": [ours]})
    where = {"namespace": about["namespace"]} if about.get("namespace") else {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"htctl-probe-{token or secrets.token_hex(4)}", "labels": {**labels, **queue}, **where},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": int(seconds) + 60,  # this and the next: where nobody is left to delete it
            "ttlSecondsAfterFinished": 300,
            "template": {
                "metadata": {"labels": labels},
                "spec": {**one, "terminationGracePeriodSeconds": 5},
            },
        },
    }


def run(cluster: Cluster, job: Manifest, seconds: float, say: Callable[[str], None]) -> Fate:
    """Make the Job, wait until its fate is clear or the time is up, and delete it."""
    probe = manifest(job, seconds)
    made = cluster.create(probe)
    name, uid = made["metadata"]["name"], made["metadata"]["uid"]
    try:
        return _wait(cluster, name, time.monotonic() + seconds, say)
    finally:
        try:
            cluster.delete("Job", name, uid=uid, grace=0)
        except NotThereError:
            pass
        except ClusterError as error:
            say(f"{error}; delete it: kubectl delete job {name} -n {cluster.namespace}")


def _wait(cluster: Cluster, name: str, until: float, say: Callable[[str], None]) -> Fate:
    told, began = "", time.monotonic()
    while True:
        job = cluster.get("Job", name)
        pods = cluster.list("Pod", f"{names.JOB}={name}").items
        seen = Seen(job, tuple(sorted(pods, key=raw.created)), _workload(cluster, job))
        if raw.holds(job, "Complete"):
            return Fate(True, _word(pods) or "it ran, and ended with 0")
        state = phases.state(Group(name, "", name), seen, None, time.time())
        if state.phase == Phase.FAILED:
            return Fate(False, state.detail)
        if _is_clear(state, time.monotonic() - began):
            return Fate(False, f"{state.phase}: {state.detail}")
        if time.monotonic() > until:
            return Fate(False, f"{state.phase} when its time was up{f': {state.detail}' if state.detail else ''}")
        if state.phase != told:
            told = state.phase
            say(f"probe: {state.phase}{f': {state.detail}' if state.detail else ''}")
        time.sleep(LOOK_S)


def _is_clear(state: GroupState, waited: float) -> bool:
    """Whether waiting longer would tell nothing else."""
    if state.phase == Phase.SCHEDULING:
        return bool(state.detail) and waited > NO_NODE_S
    late = state.phase in (Phase.PULLING, Phase.STARTING) and not state.detail.startswith(SOON)
    return state.stuck_since is not None and late


def _word(pods: list[Manifest]) -> str:
    """What the Pod said itself."""
    return next((word.reason for word in map(ending.left_word, map(raw.message, pods)) if word.reason), "")


def _workload(cluster: Cluster, job: Manifest) -> Manifest | None:
    """Kueue's, where the Job is in a queue."""
    if names.QUEUE not in (job["metadata"].get("labels") or {}):
        return None
    try:
        items = cluster.list("Workload", f"kueue.x-k8s.io/job-uid={job['metadata']['uid']}").items
    except ClusterError:
        return None
    return next(iter(items), None)
