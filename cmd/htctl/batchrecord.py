"""`batches/<batch>/batch.json`: what was submitted, so that a Job that is gone is still known."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from k8s import names
from k8s.manifests import Manifest
from pipeline import layout
from pipeline.moments import utc
from pipeline.store import Store
from pipeline.store.objects import change


class Submitted(NamedTuple):
    """A group as it was submitted."""

    bot: str
    handles: str  # joined by +
    run: str
    job: str


def of(manifest: Manifest) -> Submitted:
    """What is written down of a Job."""
    notes = manifest["metadata"]["annotations"]
    return Submitted(notes[names.BOT], notes[names.HANDLES], notes[names.RUN], manifest["metadata"]["name"])


def write(store: Store, batch: str, namespace: str, jobs: Iterable[Manifest]) -> None:
    """Add groups, or put them in place of what was submitted for the same bots; what is the same is not written."""
    new = {group.bot: group for group in map(of, jobs)}

    def edit(old: dict[str, Any]) -> dict[str, Any] | None:
        groups = {group["bot"]: group for group in old.get("groups", [])}
        groups |= {bot: {**groups.get(bot, {}), **group._asdict()} for bot, group in new.items()}
        made = {**old, "batch": batch, "namespace": namespace, "groups": list(groups.values())}
        return None if made == old else {**made, "submitted": utc()}

    change(store, layout.batch(batch), edit)
