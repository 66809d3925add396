"""`batches/<batch>/batch.json`: what was submitted, so that a Job that is gone is still known."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from k8s import names
from k8s.manifests import Manifest
from pipeline import layout
from pipeline.errors import StoreError
from pipeline.store import ABSENT, Store

TRIES = 20  # others who may submit to the same batch in between


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
    new, key = {group.bot: group for group in map(of, jobs)}, layout.batch(batch)
    for _ in range(TRIES):
        found = store.read(key)
        old: dict[str, Any] = json.loads(found.data) if found else {}
        groups = {group["bot"]: group for group in old.get("groups", [])}
        groups |= {bot: {**groups.get(bot, {}), **group._asdict()} for bot, group in new.items()}
        made = {**old, "batch": batch, "namespace": namespace, "groups": list(groups.values())}
        if made == old:
            return
        made["submitted"] = datetime.now(UTC).isoformat(timespec="seconds")
        text = json.dumps(made, ensure_ascii=False, indent=1) + "\n"
        if store.swap(key, text.encode(), found.version if found else ABSENT):
            return
    raise StoreError(f"{store.place(key)} was changed by others {TRIES} times in a row; run the same command again")
