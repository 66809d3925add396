"""`htctl resume`: Jobs of a batch that were paused go on."""

from htctl import batchjobs, options
from htctl.commands.pause import switch


def resume(
    groups: batchjobs.GroupsArgument = None,
    file: options.FileOption = None,
    batch: options.BatchOption = "",
    selector: batchjobs.SelectorOption = "",
    namespace: options.NamespaceOption = "",
    context: options.ContextOption = "",
) -> int:
    """Have a batch's paused Jobs go on: from their checkpoints, and in a queue from its end."""
    return switch(batchjobs.find(groups or [], file, batch, namespace, context, selector), False)
