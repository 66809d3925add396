from pathlib import Path
from typing import Any

import pytest

from htctl import batchfile, checks
from htctl.checks import BAD, NOTE, OK
from pipeline.store.folder import FolderStore
from tests.k8s.fakes import FakeCluster

POSTS = Path(__file__).parents[2] / "examples" / "posts" / "harbourlamp.jsonl.gz"


def test_a_missing_right_is_named_with_what_needs_it() -> None:
    cluster = FakeCluster()
    assert checks.rights(cluster, None).state == OK
    cluster.forbidden = {"pods/log"}
    found = checks.rights(cluster, None)
    assert (found.state, found.said) == (BAD, "not allowed: get pods/log (logs)")


def test_a_queue_that_is_there_not_there_or_stopped() -> None:
    stopped = [{"type": "Active", "status": "False", "message": "its ClusterQueue is stopped"}]
    queues: Any = [
        {"metadata": {"name": "bots"}, "status": {}},
        {"metadata": {"name": "old"}, "status": {"conditions": stopped}},
    ]
    found = list(checks.queues(FakeCluster(LocalQueue=queues), ["bots", "", "none", "old", "bots"]))
    assert [check.state for check in found] == [OK, BAD, BAD]
    assert found[2].said == "old: its ClusterQueue is stopped"


@pytest.mark.parametrize(
    ("mode", "kubernetes", "states"),
    [
        ("offline", {}, []),
        ("online", {}, [BAD]),
        ("online", {"secrets": ["wandb"]}, [NOTE]),
        ("online", {"env": {"WANDB_API_KEY": {"secretKeyRef": {"name": "wandb", "key": "key"}}}}, [NOTE]),
    ],
)
def test_a_batch_that_tells_wandb_needs_a_key_for_its_pods(mode: str, kubernetes: Any, states: list[str]) -> None:
    defaults = {"tracker": {"mode": mode}, "posts": str(POSTS), "kubernetes": kubernetes}
    batch = batchfile.build({"groups": ["alice"], "defaults": defaults}, {}, name="b", folder=Path())
    assert [check.state for check in checks.tracker(batch)] == states


@pytest.mark.parametrize(
    ("groups", "kubernetes", "states"),
    [
        (["alice"], {}, [BAD]),
        (["alice"], {"secrets": ["x"]}, [NOTE]),
        (["alice"], {"env": {"X_BEARER_TOKEN": {"secretKeyRef": {"name": "x", "key": "token"}}}}, [NOTE]),
        ([{"handles": ["alice"], "posts": str(POSTS)}], {}, []),
    ],
)
def test_a_batch_that_asks_x_needs_a_token_for_its_pods(groups: Any, kubernetes: Any, states: list[str]) -> None:
    data = {"groups": groups, "defaults": {"source": "x", "kubernetes": kubernetes}}
    batch = batchfile.build(data, {}, name="b", folder=Path())
    assert [check.state for check in checks.token(batch)] == states


def test_a_store_is_tried_and_nothing_is_left_in_it(store: FolderStore) -> None:
    assert checks.store(store).state == OK
    assert list(store.list("")) == []


def test_a_store_that_ignores_conditions_is_found_out(store: FolderStore) -> None:
    class Ignoring(FolderStore):
        def swap(self, key: str, data: bytes, version: str) -> bool:
            self.write(key, data)
            return True

    found = checks.store(Ignoring(store.root))
    assert (found.state, "conditional writes are not honoured" in found.said) == (BAD, True)


def test_a_hub_that_is_not_reached_is_a_note_and_tiny_needs_none() -> None:
    hub, tiny = checks.base_models(["tiny", "owner/name", "tiny"], "http://127.0.0.1:9")
    assert (tiny.state, hub.state) == (OK, NOTE)


def test_the_terms_of_posts_are_a_note_and_no_fault() -> None:
    found = checks.terms()
    assert found[1] == checks.NOTE
    assert "foundation or frontier models" in found[2]
