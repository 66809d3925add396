"""`htctl cancel`: ends Jobs of a batch; what they have published or saved stays."""

from collections.abc import Sequence
from typing import Annotated

import typer

from htctl import batchjobs, options, output
from k8s import parallel, removal
from k8s.manifests import Manifest
from k8s.outcome import ended, is_deleted


def cancel(
    groups: batchjobs.GroupsArgument = None,
    file: options.FileOption = None,
    batch: options.BatchOption = "",
    selector: batchjobs.SelectorOption = "",
    namespace: options.NamespaceOption = "",
    context: options.ContextOption = "",
    finished: Annotated[bool, typer.Option("--finished", help="Delete Jobs that have ended, too.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Cancel without asking; needed where nobody can be asked.")
    ] = False,
) -> int:
    """Delete a batch's Jobs that have not ended, and their Pods, which save their work before they go.

    The store keeps what is published and the checkpoints: submitted again, a run goes on there.
    """
    found = batchjobs.find(groups or [], file, batch, namespace, context, selector)
    going = to_cancel(found.jobs, finished)
    if not going:
        output.note(f"nothing to cancel: all {len(found.jobs):,} Jobs of batch {found.batch} have ended")
        return 0
    bots = [batchjobs.bot(job) for job in going]
    what = f"{len(going):,} of {len(found.jobs):,} Jobs of batch {found.batch} in {found.cluster.namespace}"
    unasked = f"nothing was cancelled; --yes cancels {what}: {batchjobs.some(bots)}"
    if not yes and not output.ask(f"cancel {what}: {batchjobs.some(bots)}?", unasked):
        output.note(unasked)
        return 0
    deleted = 0
    with output.progress("cancelled", len(going), lambda: deleted, things=True):
        for was_there in parallel.each(lambda job: removal.delete(found.cluster, job), going):
            deleted += was_there
    stayed = len(found.jobs) - len(going)
    kept = f"; {stayed:,} had ended (--finished deletes them)" if stayed else ""
    output.note(f"cancelled {deleted:,} Job{'s' * (deleted != 1)} of batch {found.batch}: {batchjobs.some(bots)}{kept}")
    return 0


def to_cancel(jobs: Sequence[Manifest], finished: bool) -> list[Manifest]:
    """Those that go on; with `finished` the others too. One that is being deleted is left to that."""
    return [job for job in jobs if not is_deleted(job) and (finished or not ended(job))]
