import json
from pathlib import Path

import pytest

from htctl import batches
from k8s import look, manifests, settings
from k8s.states import Group
from pipeline import layout
from pipeline.errors import ConfigError
from pipeline.store.folder import FolderStore
from tests import factories
from tests.k8s.fakes import FakeCluster


def test_a_file_gives_name_store_and_namespace_though_its_posts_are_gone(tmp_path: Path) -> None:
    file = tmp_path / "vtubers.yaml"
    file.write_text("store: kept\ndefaults: {posts: gone.jsonl, kubernetes: {namespace: bots}}\ngroups: [alice]\n")
    assert batches.find(file, "") == batches.NamedBatch("vtubers", str(tmp_path / "kept"), "bots")
    assert batches.find(file, "other").name == "other"
    assert batches.find(None, "night") == batches.NamedBatch("night")


def test_a_name_that_none_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--batch a/b"):
        batches.find(None, "a/b")


@pytest.mark.parametrize("handles", ["Alice+bob", ["Alice", "bob"]])
def test_what_was_submitted_is_in_the_store(store: FolderStore, handles: object) -> None:
    group = {"bot": "alice-bob", "run": "night-1", "job": "alice-bob-1", "handles": handles}
    record = {"batch": "night", "namespace": "bots", "groups": [group]}
    store.write(layout.batch("night"), json.dumps(record).encode())
    found = batches.submitted(store, "night")
    assert found == ([Group("alice-bob", "night-1", "alice-bob-1", ("Alice", "bob"), "night")], "bots")
    assert batches.submitted(store, "another") == ([], "")


def test_groups_are_asked_for_by_bot_by_handles_and_by_one_handle() -> None:
    group = Group("alice-bob", "r", "j", ("Alice", "bob"))
    assert batches.keeping(["bob+@Alice"], "")(group)
    assert batches.keeping(["alice-bob"], "@BOB")(group)
    assert not batches.keeping(["bob"], "")(group)
    assert not batches.keeping([], "carol")(group)


def test_the_store_is_found_in_a_job() -> None:
    job = manifests.job(factories.run_config(store="s3://bots/a$b"), settings.build({"image": "htctl:1"}))
    job["metadata"]["uid"] = "1"
    found = look.mirror(FakeCluster(Job=[{**job, "status": {}}], Pod=[]))
    assert batches.store_of_jobs(found) == "s3://bots/a$b"


def test_a_group_of_several_sources_is_asked_for_with_or_without_them() -> None:
    group = Group("a-com-bob-00000000", "r", "j", ("a.com", "Bob"))
    assert batches.keeping(["bob+a.com"], "bluesky:@A.com")(group)
    assert batches.keeping(["bluesky:a.com+x:bob"], "bob")(group)
    assert not batches.keeping(["a.com"], "")(group)
