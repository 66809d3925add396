from typing import Any

from htctl import batches, batchrecord
from k8s import manifests, settings
from pipeline import layout
from pipeline.store.folder import FolderStore
from pipeline.store.objects import read_json
from tests import factories


def jobs(*handles: str, **changes: Any) -> list[manifests.Manifest]:
    made = (factories.run_config(batch="night", handles=[handle], **changes) for handle in handles)
    return [manifests.job(config, settings.build({"image": "htctl"})) for config in made]


def test_what_is_submitted_later_comes_beside_or_in_place(store: FolderStore) -> None:
    assert batches.submitted(store, "night") == ([], "")
    batchrecord.write(store, "night", "bots", jobs("a", "b"))
    first, namespace = batches.submitted(store, "night")
    batchrecord.write(store, "night", "bots", jobs("b", "c", license="apache-2.0"))
    now, _ = batches.submitted(store, "night")
    assert (namespace, [group.bot for group in now]) == ("bots", ["a", "b", "c"])
    assert now[0] == first[0]
    assert now[1].run != first[1].run


def test_the_same_again_is_not_written(store: FolderStore) -> None:
    batchrecord.write(store, "night", "bots", jobs("a"))
    version = store.version(layout.batch("night"))
    batchrecord.write(store, "night", "bots", jobs("a"))
    assert store.version(layout.batch("night")) == version
    assert set(read_json(store, layout.batch("night"))) == {"batch", "namespace", "groups", "submitted"}
