"""`--scrape-first`: a batch's accounts are fetched by a small Job of its own, which is waited for before all others."""

import dataclasses
import time
from collections.abc import Sequence

from htctl import costs, output, statusview
from htctl.batch import Batch, Group
from k8s import names, phases, raw, removal, scrapejob, submit
from k8s.cluster import Cluster
from k8s.errors import ConflictError, NotThereError
from k8s.manifests import Manifest
from k8s.outcome import FAILED, ended, is_deleted
from k8s.states import GroupState, Phase, Seen
from k8s.submit import REFUSED
from pipeline.order import Order
from pipeline.store import Store

LOOK_S, SELDOM_S = 1.0, 10.0  # how often the Job is looked at: first, and at last
OURS = f"{names.COMPONENT}={names.SCRAPE}"
OF_ACCOUNTS = (66, 69, 77)  # its exit codes that speak of accounts or sources: the others may be there


def job(batch: Batch, store: str) -> Manifest | None:
    """The Job that fetches the batch's accounts, as it is sent; None where all posts are given as files."""
    wanted = costs.asked(batch)
    if not wanted:
        return None
    groups = [group for group in batch.groups if costs.asked(dataclasses.replace(batch, groups=(group,)))]
    hours = max(group.settings.limits.hours for group in groups)
    return scrapejob.job(batch.name, _order(wanted, groups, store), [group.kubernetes for group in groups], hours)


def is_needed(batch: Batch, store: Store) -> bool:
    """Whether the store has not all that the batch's accounts are asked for."""
    return any(not (account and account.complete) for account in costs.known(store, costs.asked(batch)).values())


def fetch(cluster: Cluster, manifest: Manifest, stuck_after: float, *, replace: bool = False) -> None:
    """Send the Job, or find it there, and wait until it has ended; one that failed before is made anew.

    Returns where the groups can be sent: all is fetched, or the fault is of accounts or sources, which others do not
    share. Else ConflictError. One that cannot start for `stuck_after` seconds (0: any time) is deleted.
    """
    name = manifest["metadata"]["name"]
    _make_room(cluster, manifest, replace)
    sent = submit.send(cluster, manifest)
    if sent.what == REFUSED:
        raise ConflictError(sent.problem)
    output.note(f"posts are fetched first, by Job {name}: {sent.what}")
    state = _wait(cluster, name, stuck_after)
    if state.phase == Phase.FETCHED:
        return
    if state.code not in OF_ACCOUNTS:
        again = f"htctl logs {name} says more; nothing else was sent; the same command again goes on"
        raise ConflictError(f"the posts were not fetched: {state.phase}: {state.detail}; {again}")
    output.note(f"not all posts could be fetched: {state.detail}; groups that miss some will fail by themselves")


def _make_room(cluster: Cluster, manifest: Manifest, replace: bool) -> None:
    """Have the name free, where what has it is of no use."""
    name = manifest["metadata"]["name"]
    try:
        found = cluster.get("Job", name)
    except NotThereError:
        return
    same = submit.is_same(manifest, found)
    if not (same or ended(found) or is_deleted(found) or replace):
        submit.refuse_changed(cluster, [manifest])
    if is_deleted(found) or not same or ended(found) == FAILED:
        removal.remove(cluster, [found], f"{names.selector(found['metadata']['labels'][names.BATCH])},{OURS}", _nothing)


def _wait(cluster: Cluster, name: str, stuck_after: float) -> GroupState:
    """The Job's last state; what it comes to on the way is said."""
    told, pause = "", LOOK_S
    while True:
        job = cluster.get("Job", name)
        pods = sorted(cluster.list("Pod", f"{names.JOB}={name}").items, key=raw.created)
        now = time.time()
        state = phases.state(raw.group(job), Seen(job, tuple(pods)), None, now)
        if state.over:
            return state
        if stuck_after and state.stuck_since and now - state.stuck_since > stuck_after:
            removal.delete(cluster, job)
            since = statusview.duration(now - state.stuck_since)
            return dataclasses.replace(
                state, phase=Phase.FAILED, detail=f"cannot start since {since}, so it was deleted: {state.detail}"
            )
        line = f"{state.phase}{f': {state.detail}' if state.detail else ''}"
        if line != told:
            output.note(f"posts: {line}")
            told, pause = line, LOOK_S
        time.sleep(pause)
        pause = min(pause * 1.5, SELDOM_S)


def _nothing(count: int) -> None:
    """Of one Job no progress is shown."""


def _order(wanted: Sequence[costs.Asked], groups: Sequence[Group], store: str) -> Order:
    accounts: dict[str, list[str]] = {}
    for each in wanted:
        accounts.setdefault(each.source, []).append(each.handle)
    most = [each.posts for each in wanted]
    terms = dataclasses.replace(groups[0].settings.scrape, posts=max(most) if all(most) else 0)
    lease = min(group.settings.limits.lease_seconds for group in groups)
    return Order(store, {source: tuple(handles) for source, handles in accounts.items()}, terms, lease)
