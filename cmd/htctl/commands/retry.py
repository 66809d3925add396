"""`htctl retry`: what failed of a batch once more, as it was or with changes."""

import dataclasses

from htctl import basebots, batchjobs, jobs, options, output, overview, selection, submission
from htctl.batch import Batch
from htctl.overview import Asked, Overview
from htctl.submission import Sending
from k8s import submit
from k8s.states import Phase
from pipeline.errors import ConfigError
from pipeline.store import open_store


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

    Failed is what status says: a Job that ended without its bot in the store, too. What was cancelled is retried
    if it is named. A run goes on from its last checkpoint, unless what is changed makes it another run. The batch
    file is needed (-f): it says what runs.
    """
    if not file:
        raise ConfigError("retry needs the batch file: -f bots.yaml; a name alone does not say what to run")
    asked = selection.load(file, options.for_cluster(set_, namespace), groups or [], batch)
    opened = open_store(options.store_address(store, asked.store))
    asked = basebots.pinned(asked, opened)
    jobs.check(asked, opened.address)
    where = asked.groups[0].kubernetes.namespace
    found = overview.take(Asked(file, asked.name, groups or (), "", opened.address, where, context), deep=False)
    if found.cluster is None:
        raise ConfigError("nothing was retried: there is no cluster to ask")
    bots = _to_retry(found, asked, named=bool(groups))
    if not bots:
        return 0
    some = dataclasses.replace(asked, groups=tuple(group for group in asked.groups if group.bot in bots))
    manifests = submission.objects(some, opened, keep=True)
    wanted = submission.only_jobs(manifests)
    submission.record(opened, asked.name, found.cluster, wanted)
    there = [manifest for manifest in wanted if manifest["metadata"]["name"] in found.mirror.jobs]
    new = [manifest for manifest in wanted if manifest["metadata"]["name"] not in found.mirror.jobs]
    sending = Sending(found.cluster, len(wanted))
    sent = submission.make_room(found.cluster, asked.name, submit.Plan(new, [], there, []), replace=True)
    sending.send_shared(manifests)
    submission.with_progress(sending, sent)
    output.note(f"retried {len(wanted):,} of {len(asked.groups):,} groups: {batchjobs.some(sorted(bots))}")
    if set_:
        given = " ".join(f"--set {each}" for each in set_)
        output.note(f"{given} is not in {file}: write it there, or the next htctl submit finds these Jobs different")
    return int(not submission.confirm(found.cluster, asked.name, wanted, sending, 0))


def _to_retry(found: Overview, batch: Batch, *, named: bool) -> set[str]:
    """The bots that failed, and where groups are named those that were cancelled; none: says so."""
    by_phase: dict[Phase, set[str]] = {}
    for state in found.states():
        by_phase.setdefault(state.phase, set()).add(state.group.bot)
    known = {group.bot for group in batch.groups}
    failed, cancelled = (by_phase.get(phase, set()) & known for phase in (Phase.FAILED, Phase.CANCELLED))
    if not failed and not (named and cancelled):
        more = f"; {len(cancelled):,} cancelled: named here, they are retried too" if cancelled else ""
        output.note(f"nothing to retry: none of these {len(batch.groups):,} groups of batch {batch.name} failed{more}")
    return failed | cancelled if named else failed
