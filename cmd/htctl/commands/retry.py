"""`htctl retry`: what failed of a batch once more, as it was or with changes."""

import dataclasses
from collections.abc import Mapping

from htctl import basebots, batchjobs, batchrecord, conclusion, jobs, options, output, selection, submission
from htctl.batchfile import Batch
from htctl.batchrecord import Submitted
from htctl.submission import Sending
from k8s import cluster as clusters
from k8s import names, submit
from k8s.manifests import Manifest
from k8s.outcome import COMPLETE, FAILED, ended, is_deleted
from pipeline.errors import ConfigError
from pipeline.store import Store, open_store


def retry(
    groups: options.GroupsArgument = None,
    file: options.FileOption = None,
    batch: options.BatchOption = "",
    set_: options.SetOption = None,
    store: options.StoreOption = "",
    namespace: options.NamespaceOption = "",
    context: options.ContextOption = "",
) -> int:
    """Submit once more what failed of a batch: --set resources.memory=32Gi changes what it runs with.

    Failed are Jobs that say so, and those that have ended or are gone while the store has no bot of their run.
    A run goes on from its last checkpoint, unless what is changed makes it another run.
    """
    if not file:
        raise ConfigError("say which batch: htctl retry -f bots.yaml")
    asked = selection.load(file, options.for_cluster(set_, namespace), groups or [], batch)
    opened = open_store(options.store_address(store, asked.store))
    asked = basebots.pinned(asked, opened)
    jobs.check(asked, opened.address)
    cluster = clusters.connect(asked.groups[0].kubernetes.namespace, context)
    present = {job["metadata"]["name"]: job for job in cluster.list("Job", names.selector(asked.name)).items}
    bots = failed(opened, asked, present, batchrecord.read(opened, asked.name))
    if not bots:
        output.note(f"nothing to retry: none of these {len(asked.groups):,} groups of batch {asked.name} has failed")
        return 0
    some = dataclasses.replace(asked, groups=tuple(group for group in asked.groups if group.bot in bots))
    manifests = submission.objects(some, opened, keep=True)
    wanted = submission.only_jobs(manifests)
    submission.record(opened, asked.name, cluster, wanted)
    there = [manifest for manifest in wanted if manifest["metadata"]["name"] in present]
    new = [manifest for manifest in wanted if manifest["metadata"]["name"] not in present]
    sending = Sending(cluster, len(wanted))
    sent = submission.make_room(cluster, asked.name, submit.Plan(new, [], there, []), replace=True)
    sending.send_shared(manifests)
    submission.with_progress(sending, sent)
    output.note(f"retried {len(wanted):,} of {len(asked.groups):,} groups: {batchjobs.some(sorted(bots))}")
    return int(not submission.confirm(cluster, asked.name, wanted, sending, 0))


def failed(store: Store, batch: Batch, present: Mapping[str, Manifest], recorded: Mapping[str, Submitted]) -> set[str]:
    """The bots of a batch that failed, from its Jobs by name and from what was submitted of it."""
    found, doubtful = set(), []
    for group in batch.groups:
        name = names.job_name(batch.name, group.bot)
        job = present.get(name)
        outcome = ended(job) if job else ""
        if outcome == FAILED:
            found.add(group.bot)
        elif job and (outcome == COMPLETE or is_deleted(job)):
            doubtful.append(batchrecord.of(job))
        elif not job and group.bot in recorded:
            doubtful.append(recorded[group.bot])
    return found | {group.bot for group in conclusion.unmade(store, doubtful)}
