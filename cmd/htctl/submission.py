"""Submitting a batch: posts into the store, the record of it, the Jobs, and the count that the cluster confirms."""

import functools
import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from htctl import batchrecord, jobs, output, postsfiles
from htctl.batch import Batch
from k8s import removal, submit
from k8s.cluster import Cluster
from k8s.errors import ClusterError, ConflictError
from k8s.manifests import Manifest
from k8s.names import selector
from k8s.submit import CREATED, REFUSED, THERE, Plan, Sent
from pipeline.store import Store

SHOWN = 10  # refusals that are told one by one


def objects(batch: Batch, store: Store, *, keep: bool) -> list[Manifest]:
    """A batch's objects; with `keep` its posts are in the store then."""
    return jobs.objects(batch, store.address, functools.partial(postsfiles.keep, store) if keep else postsfiles.sha256)


def only_jobs(manifests: Sequence[Manifest]) -> list[Manifest]:
    """The Jobs among a batch's objects."""
    return [manifest for manifest in manifests if manifest["kind"] == "Job"]


@dataclass
class Sending:
    """Objects on their way: how many of what, and what is told of them."""

    cluster: Cluster
    total: int
    counts: Counter[str] = field(default_factory=Counter)

    def send(self, manifests: Sequence[Manifest], *, dry_run: bool = False) -> dict[str, str]:
        """Send some; returns those that are refused, and why. An answer that speaks for all ends it."""
        refused = {}
        try:
            for sent in submit.send_all(self.cluster, manifests, dry_run=dry_run):
                self._note(sent)
                if sent.what == REFUSED:
                    refused[sent.name] = sent.problem
        except ClusterError as error:
            done = f"{self.counts[CREATED]:,} of {self.total:,} were sent"
            raise type(error)(f"{error}\n       {done}; the same command again sends the rest") from None
        return refused

    def send_shared(self, manifests: Sequence[Manifest]) -> None:
        """Send what Jobs need and share, which is not counted; without it they would wait for each other for ever."""
        for sent in submit.send_all(self.cluster, [manifest for manifest in manifests if manifest["kind"] != "Job"]):
            if sent.what == REFUSED:
                raise ConflictError(sent.problem)

    def _note(self, sent: Sent) -> None:
        self.counts[sent.what] += 1
        if sent.what == REFUSED and self.counts[REFUSED] <= SHOWN:
            output.error(sent.problem)


def make_room(cluster: Cluster, batch: str, plan: Plan, replace: bool) -> list[Manifest]:
    """Have the names free that are needed; returns what is to be sent. Jobs made otherwise are left, unless asked."""
    going = [*(plan.changed if replace else ()), *plan.going]
    if going:
        _remove(cluster, batch, [manifest["metadata"]["name"] for manifest in going])
    return [*plan.new, *going]


def _remove(cluster: Cluster, batch: str, names: Sequence[str]) -> None:
    heads = submit.heads(cluster, batch)
    found = [heads[name] for name in names if name in heads]
    gone = 0

    def tell(count: int) -> None:
        nonlocal gone
        gone = count

    with output.progress("old Jobs and their Pods gone", len(found), lambda: gone, things=True):
        removal.remove(cluster, found, selector(batch), tell)


def kept(plan: Plan, manifests: Sequence[Manifest], replace: bool) -> list[Manifest]:
    """The Jobs that are as they are to be then: all but those that were made otherwise and are left so."""
    left = set() if replace else {manifest["metadata"]["name"] for manifest in plan.changed}
    return [manifest for manifest in manifests if manifest["metadata"]["name"] not in left]


def record(store: Store, batch: str, cluster: Cluster, manifests: Sequence[Manifest]) -> None:
    """Write down what is submitted, before it is: `status` shows a Job that is gone, too."""
    batchrecord.write(store, batch, cluster.namespace, manifests)


def confirm(cluster: Cluster, batch: str, manifests: Sequence[Manifest], sending: Sending, there: int) -> bool:
    """Tell the count, as the cluster confirms it by one list; whether all are there."""
    present = cluster.names("Job", selector(batch))
    wanted = [manifest["metadata"]["name"] for manifest in manifests]
    have = sum(name in present for name in wanted)
    refused = f", refused {sending.counts[REFUSED]:,}" if sending.counts[REFUSED] else ""
    output.note(
        f"submitted {sending.counts[CREATED]:,}, already there {there + sending.counts[THERE]:,}{refused}; "
        f"the cluster has {have:,} of {len(wanted):,} Jobs of batch {batch} in namespace {cluster.namespace}"
    )
    return have == len(wanted) and not refused


def following(file: Path | None, batch: str, **options: str) -> str:
    """The command that follows a batch: by its file, else by its name; with the options that are given."""
    named = f" -f {shlex.quote(str(file))}" if file else ""
    given = "".join(f" --{name} {shlex.quote(value)}" for name, value in options.items() if value)
    return f"htctl watch{f' {batch}' if batch else ''}{named}{given}"


def with_progress(sending: Sending, manifests: Sequence[Manifest], *, dry_run: bool = False) -> dict[str, str]:
    """Send all of them under a progress bar; returns those that are refused, and why."""
    before = sending.counts.total()
    done: Callable[[], int] = lambda: sending.counts.total() - before  # noqa: E731
    with output.progress("submitted", len(manifests), done, things=True):
        return sending.send(manifests, dry_run=dry_run)
