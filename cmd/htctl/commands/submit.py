"""`htctl submit`: a batch to the cluster, one Job for each group; again, it is the same batch."""

import contextlib
import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from htctl import (
    basebots,
    costs,
    following,
    jobs,
    options,
    output,
    overview,
    scrapefirst,
    selection,
    submission,
    summary,
)
from htctl.batch import Batch
from htctl.following import Patience
from htctl.submission import Sending
from k8s import cluster as clusters
from k8s import submit as sending_
from k8s.cluster import Cluster
from k8s.errors import AlreadyThereError
from k8s.feed import Feed
from k8s.manifests import Manifest
from pipeline.errors import ConfigError
from pipeline.store import Store, open_store

DRY_RUNS = ("", "client", "server")


def submit(
    groups: options.HandlesArgument = None,
    file: options.FileOption = None,
    posts: options.PostsOption = None,
    batch: options.BatchOption = "",
    set_: options.SetOption = None,
    store: options.StoreOption = "",
    max_cost: options.MaxCostOption = None,
    namespace: options.NamespaceOption = "",
    context: options.ContextOption = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete Jobs that are there with another config, and make them anew.")
    ] = False,
    dry_run: Annotated[
        str, typer.Option("--dry-run", help="'client': check here; 'server': have the cluster check every object.")
    ] = "",
    scrape_first: options.ScrapeFirstOption = False,
    wait: Annotated[bool, typer.Option("--wait", help="Follow until all have ended; 1 where one failed.")] = False,
    max_in_flight: Annotated[
        int,
        typer.Option(
            help="With --wait: at most so many unfinished Jobs in the cluster; the others follow as these end.",
            min=0,
            show_default=False,
        ),
    ] = 0,
    start_deadline: options.StartDeadlineOption = "10m",
) -> int:
    """Submit a batch: posts into the store, then a Job for each group. The same command again sends what is missing.

    A Job that is there with another config stays and is named with what differs, unless --replace is given.
    With --scrape-first a Job without GPU fetches what accounts' posts are missing, which is waited for; then the others
    are made. With --wait a Job that holds a GPU or quota and cannot start is deleted after --start-deadline.
    Exit code 0: all Jobs are in the cluster (with --wait: all bots are published), 1: not all.
    """
    if dry_run not in DRY_RUNS:
        raise ConfigError(f"--dry-run {dry_run}: must be client or server")
    if max_in_flight and not wait:
        raise ConfigError("--max-in-flight needs --wait: the rest is sent as others end, so somebody must stay")
    if dry_run and wait:
        raise ConfigError("--dry-run sends nothing, so there is nothing to wait for (--wait)")
    patience = Patience(options.seconds(start_deadline, "--start-deadline"), delete=True)
    asked = selection.asked(file, groups or [], posts or [], options.for_cluster(set_, namespace), batch)
    opened = open_store(options.store_address(store, asked.store))
    asked = basebots.pinned(asked, opened)
    costs.tell(asked, opened, max_cost)
    first = scrapefirst.job(asked, opened.address) if scrape_first else None
    firsts = [first] if first else []
    if dry_run == "client":
        count = len([*firsts, *submission.objects(asked, opened, keep=False)])
        output.note(f"{count:,} objects of batch {asked.name} are sound as far as can be told here; nothing was sent")
        return 0
    cluster = clusters.connect(asked.groups[0].kubernetes.namespace, context)
    _try_one(cluster, asked, opened)
    if dry_run:
        return _try_all(cluster, asked, [*firsts, *submission.objects(asked, opened, keep=False)], replace)
    manifests = submission.objects(asked, opened, keep=True)
    if first and scrapefirst.is_needed(asked, opened):
        _fetch(cluster, asked, opened, manifests, first, replace, patience)
    code = _submit(cluster, asked, opened, manifests, replace, (max_in_flight, patience) if wait else None)
    if not wait:
        named = batch if file else asked.name
        where = store if file else summary.named(opened)
        output.note(f"next  {submission.following(file, named, store=where, namespace=namespace, context=context)}")
    return code


def _fetch(
    cluster: Cluster,
    batch: Batch,
    store: Store,
    manifests: list[Manifest],
    first: Manifest,
    replace: bool,
    patience: Patience,
) -> None:
    """Have the batch's posts in the store, where Jobs are to be sent that need them."""
    wanted = submission.only_jobs(manifests)
    plan = sending_.plan(wanted, sending_.heads(cluster, batch.name))
    if plan.new or plan.going or (plan.changed and replace):
        going = submission.kept(plan, wanted, replace)
        submission.record(store, batch.name, cluster, going)  # so that status knows what is to come
        scrapefirst.fetch(cluster, first, patience.seconds, replace=replace)


def _submit(
    cluster: Cluster,
    batch: Batch,
    store: Store,
    manifests: list[Manifest],
    replace: bool,
    waiting: tuple[int, Patience] | None,
) -> int:
    """Send the batch; `waiting`: stay until it has ended, with so many unfinished (0: any number)."""
    wanted = submission.only_jobs(manifests)
    plan = sending_.plan(wanted, sending_.heads(cluster, batch.name))
    left = [] if replace else plan.changed
    if len(left) == len(wanted):
        sending_.refuse_changed(cluster, left)
    submission.record(store, batch.name, cluster, submission.kept(plan, wanted, replace))
    new = submission.make_room(cluster, batch.name, plan, replace)
    sending = Sending(cluster, len(new))
    sending.send_shared(manifests)
    if waiting is None:
        submission.with_progress(sending, new)
        whole = submission.confirm(cluster, batch.name, wanted, sending, len(plan.there))
        return int(_tell_left(cluster, left) or not whole)
    feed = Feed(new, waiting[0], sending.send)
    found = overview.submitted(cluster, store, batch.name, wanted, feed.held)
    with output.progress("submitted", min(waiting[0] or len(new), len(new)), sending.counts.total, things=True):
        feed.fill(found.mirror)
    differ = _tell_left(cluster, left)
    del manifests, wanted, plan, new, left  # they are large, and what is sent is needed no more
    return following.follow(found, waiting[1], to_the_end=True, feed=feed) or int(differ)


def _tell_left(cluster: Cluster, left: list[Manifest]) -> bool:
    """Say which Jobs were left though they were made otherwise, and how; whether there are any."""
    if left:
        output.error(sending_.conflicts(cluster, left))
    return bool(left)


def _try_one(cluster: Cluster, batch: Batch, store: Store) -> None:
    """Have the cluster check one Job before anything is written: most refusals would be of all of them."""
    one = dataclasses.replace(batch, groups=batch.groups[:1])
    for manifest in submission.only_jobs(jobs.objects(one, store.address, _no_posts)):
        with contextlib.suppress(AlreadyThereError):
            cluster.create(manifest, dry_run=True)


def _no_posts(path: Path, handle: str, *, skip_bad: bool) -> str:  # noqa: ARG001 - a Hash that reads nothing
    return "0" * 64


def _try_all(cluster: Cluster, batch: Batch, manifests: list[Manifest], replace: bool) -> int:
    """Have the cluster check every object that would be sent; nothing is written."""
    plan = sending_.plan(submission.only_jobs(manifests), sending_.heads(cluster, batch.name))
    left = [] if replace else plan.changed
    sending = Sending(cluster, len(plan.new))
    submission.with_progress(sending, plan.new, dry_run=True)
    counts: dict[str, Any] = {"be submitted": len(plan.new) - sending.counts[sending_.REFUSED]}
    counts |= {"be made anew": len(plan.changed) - len(left) + len(plan.going)}
    counts |= {"stay as they are": len(plan.there) + len(left)}
    told = ", ".join(f"{count:,} would {what}" for what, count in counts.items() if count)
    output.note(f"batch {batch.name} in {cluster.namespace}: {told or 'nothing to send'}; nothing was sent")
    return int(_tell_left(cluster, left) or bool(sending.counts[sending_.REFUSED]))
