"""`htctl pause` and, by the same code, `htctl resume`: Jobs of a batch stop for a while and go on."""

from collections import Counter

from htctl import batchjobs, options, output
from htctl.batchjobs import Found
from k8s import pausing


def pause(
    groups: batchjobs.GroupsArgument = None,
    file: options.FileOption = None,
    batch: options.BatchOption = "",
    selector: batchjobs.SelectorOption = "",
    namespace: options.NamespaceOption = "",
    context: options.ContextOption = "",
) -> int:
    """Pause a batch's Jobs: their Pods save their work and go, until htctl resume."""
    return switch(batchjobs.find(groups or [], file, batch, namespace, context, selector), True)


def switch(found: Found, paused: bool) -> int:
    """Pause the Jobs or have them go on, and tell what was done."""
    planned = pausing.steps(found.jobs, pausing.workloads(found.cluster, found.jobs), paused)
    changing = [step for step in planned if step.kind]
    done: list[pausing.Step] = []
    with output.progress("paused" if paused else "resumed", len(changing), lambda: len(done), things=True):
        done.extend(pausing.send(found.cluster, changing))
    made = [step for step in done if step.kind]
    bots = batchjobs.some([batchjobs.bot(step.job) for step in made])
    word = "paused" if paused else "resumed"
    output.note(f"{word} {len(made):,} of {len(planned):,} Jobs of batch {found.batch}{f': {bots}' if bots else ''}")
    others = Counter(step.reason for step in (*planned, *done) if not step.kind)
    for reason, count in others.items():
        output.note(f"left alone {count:,}: {reason}")
    return 0
