"""From what the cluster and the store say of a group to the one state that it is in: pure, one table from raw to phase.

What came of a run is what the store says, never an exit code: a Job that ended with 0 and published nothing has
failed, a Job that is gone and whose run is published has done well.
"""

import dataclasses
from typing import Any

from k8s import ending, raw, stored, waiting
from k8s.ending import FAILED
from k8s.manifests import GPU, Manifest
from k8s.names import QUEUE, is_scrape
from k8s.states import Ask, Facts, Group, GroupState, Phase, Seen

NOTHING = "it ended with 0, but the bot's pointer does not name its run: nothing was published"


def state(group: Group, seen: Seen, facts: Facts | None, now: float) -> GroupState:
    """A group's state; `facts` are None where the store was not asked, or gave no answer."""
    elsewhere = facts.elsewhere if facts else ""
    facts = None if elsewhere else facts
    found = _decided(group, seen, facts, now)
    if elsewhere and found.phase is Phase.UNKNOWN:
        found = dataclasses.replace(found, detail=f"its store is {elsewhere}, which was not asked what came of it")
    job = seen.job
    bits = (facts.train if facts else {}) or {}
    return dataclasses.replace(
        found,
        attempts=_attempts(seen, facts),
        created=raw.created(job) if job else None,
        gpu_seconds=_gpu_seconds(seen, facts, now),
        before=_bits(bits, "before"),
        after=_bits(bits, "after") or _pointer_bits(group, facts),
        node=next((pod["spec"].get("nodeName", "") for pod in _live(seen)), ""),
    )


def _decided(group: Group, seen: Seen, facts: Facts | None, now: float) -> GroupState:
    """The table: the first row that fits decides."""
    job = seen.job
    if facts and stored.is_published(group, facts):
        by_other = facts.pointer.get("run") not in (group.run, None)
        why = f"since replaced by {facts.pointer['run']}" if by_other else stored.taken_back(facts)
        return GroupState(group, Phase.PUBLISHED, why)
    if job is None and seen.unsent:
        return GroupState(group, Phase.QUEUED, "waits here until others have ended (--max-in-flight)")
    if job is None:
        return stored.gone(group, seen, facts, now)
    if raw.holds(job, "Complete") or raw.holds(job, "SuccessCriteriaMet"):
        return _complete(group, seen, facts)
    if any(raw.holds(job, kind) for kind in FAILED):
        end = ending.of_job(job, seen.pods, facts)
        return GroupState(group, Phase.FAILED, end.reason, end.stage, code=end.code)
    if job["metadata"].get("deletionTimestamp"):
        return GroupState(group, Phase.CANCELLED, "its Job is being deleted")
    if job["spec"].get("suspend"):
        return _waits(group, waiting.suspended(seen))
    return _active(group, seen, facts, now)


def ask(seen: Seen) -> Ask:
    """What the store must be asked to tell the state: nothing of what waits or starts."""
    job = seen.job
    if seen.unsent and job is None:
        return Ask.NOTHING
    over = job is None or any(raw.holds(job, kind) for kind in ("Complete", "SuccessCriteriaMet", *FAILED))
    if over or (job and job["metadata"].get("deletionTimestamp")):
        return Ask.END
    running = any((pod.get("status") or {}).get("phase") == "Running" for pod in seen.pods)
    return Ask.NOW if running else Ask.NOTHING


def _complete(group: Group, seen: Seen, facts: Facts | None) -> GroupState:
    if seen.job and is_scrape(seen.job):
        return GroupState(group, Phase.FETCHED)
    if facts is None:
        return GroupState(group, Phase.UNKNOWN, "its Job ended well; the store was not asked what came of it")
    if stored.is_unchanged(group, facts):
        return GroupState(group, Phase.UNCHANGED, f"as {facts.pointer['run']}{stored.taken_back(facts, '; ')}")
    words = [ending.left_word(raw.message(pod)) for pod in seen.pods]
    said = next((word.reason for word in words if word.code == 0 and word.reason), "")
    return GroupState(group, Phase.FAILED, f"{NOTHING}{f' (it said: {said})' if said else ''}", code=0)


def _active(group: Group, seen: Seen, facts: Facts | None, now: float) -> GroupState:
    """Of a Job that may have Pods: of several nodes the one that is least far decides."""
    job, live = seen.job or {}, _live(seen)
    if not live:
        return _between(group, seen)
    behind = [pod for pod in live if (pod.get("status") or {}).get("phase") != "Running"]
    if behind:
        in_queue = QUEUE in (job["metadata"].get("labels") or {})
        waits = [waiting.pod(pod, now, in_queue) for pod in behind]
        order = (Phase.SCHEDULING, Phase.PULLING, Phase.STARTING)
        worst = min(waits, key=lambda wait: (wait.stuck_since is None, order.index(wait.phase)))
        wanted = int(job["spec"].get("parallelism") or 1)
        nodes = f"{len(behind)} of {wanted} nodes: " if wanted > 1 else ""
        return _waits(group, worst._replace(detail=_after(nodes + worst.detail, seen)))
    if all(pod["metadata"].get("deletionTimestamp") for pod in live):
        return dataclasses.replace(stored.at_work(group, facts, now), detail="told to stop; it saves its work")
    if is_scrape(job):
        return GroupState(group, Phase.RUNNING, _after("", seen).removeprefix("; "), "scrape")
    names = {pod["metadata"]["name"] for pod in live}
    if facts is not None and (facts.lease is None or facts.lease.holder.host not in names):
        return GroupState(group, Phase.STARTING, _after(f"on {live[0]['spec'].get('nodeName', '')}", seen))
    return stored.at_work(group, facts, now)


def _between(group: Group, seen: Seen) -> GroupState:
    """No Pod at all, or only ended ones: the Job waits before it makes the next."""
    last = ending.last(seen.pods)
    if last is None:
        done = any(raw.ended(pod) for pod in seen.pods)
        return GroupState(group, Phase.RUNNING if done else Phase.SCHEDULING, "ending" if done else seen.refusal)
    return GroupState(group, Phase.STARTING, f"to be tried again; the last try: {last.reason}", code=last.code)


def _waits(group: Group, wait: waiting.Wait) -> GroupState:
    return GroupState(group, wait.phase, wait.detail, stuck_since=wait.stuck_since)


def _after(detail: str, seen: Seen) -> str:
    """A try's state, and why there was none better before."""
    last = ending.last(seen.pods)
    return f"{detail}; the last try: {last.reason}" if last else detail


def _live(seen: Seen) -> list[Manifest]:
    return [pod for pod in seen.pods if not raw.ended(pod)]


def _attempts(seen: Seen, facts: Facts | None) -> int:
    """How often the run was tried; of several nodes all Pods of one index together are a try."""
    nodes = int(seen.job["spec"].get("parallelism") or 1) if seen.job else 1
    started = sum(map(raw.began, seen.pods))
    counted = [-(-started // nodes), len(facts.attempts) if facts else 0]
    return max(*counted, facts.lease.generation if facts and facts.lease else 0)


def _gpu_seconds(seen: Seen, facts: Facts | None, now: float) -> float:
    """By Pods where they are there, by the record of attempts where they are not."""
    names = {pod["metadata"]["name"] for pod in seen.pods}
    spec = seen.job["spec"] if seen.job else {}
    gpus = raw.limit((spec.get("template") or {}).get("spec") or {}, GPU)
    each = int(gpus) * int(spec.get("parallelism") or 1) if gpus.isdigit() else 0
    gone = (record for record in (facts.attempts if facts else ()) if record.get("host") not in names)
    return raw.gpu_seconds(seen.pods, now) + each * sum(float(record.get("seconds", 0)) for record in gone)


def _bits(train: Any, when: str) -> float | None:
    found = train.get(when) or {}
    return float(found["bits_per_byte"]) if "bits_per_byte" in found else None


def _pointer_bits(group: Group, facts: Facts | None) -> float | None:
    pointer = facts.pointer if facts else {}
    return float(pointer["bits_per_byte"]) if pointer.get("run") == group.run and "bits_per_byte" in pointer else None
