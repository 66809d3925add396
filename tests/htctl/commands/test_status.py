import json
from pathlib import Path
from typing import Any

import pytest

from htctl import overview, spending
from k8s.errors import ClusterError
from pipeline import layout
from pipeline.accounts import Account, Profile, Sweep
from pipeline.store.folder import FolderStore
from tests.htctl.runner import Ran, htctl
from tests.htctl.stores import add_run
from tests.k8s.fakes import FakeCluster, ended, job


@pytest.fixture
def batch(store: FolderStore) -> FolderStore:
    """`night`, three groups: alice's run is published, bob's is not, carol's is made elsewhere."""
    groups = [
        {"bot": bot, "run": f"test-{bot}", "job": bot, "handles": bot.title()} for bot in ("alice", "bob", "carol")
    ]
    record = {"batch": "night", "namespace": "bots", "groups": groups}
    store.write(layout.batch("night"), json.dumps(record).encode())
    add_run(store, "test-alice", bot="alice", current=True)
    return store


def connected(monkeypatch: pytest.MonkeyPatch, cluster: FakeCluster) -> FakeCluster:
    monkeypatch.setattr(overview.clusters, "connect", lambda *_: cluster)
    return cluster


def status(store: FolderStore, *more: str) -> Ran:
    return htctl("status", "--batch", "night", "--store", store.address, *more)


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: Any) -> FakeCluster:
        raise ClusterError("the cluster gives no answer")

    monkeypatch.setattr(overview.clusters, "connect", connect)


def test_rows_come_from_jobs_and_where_they_are_gone_from_the_store(
    batch: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = ended(job("bob"), "Failed", reason="BackoffLimitExceeded", message="too often")
    connected(monkeypatch, FakeCluster(Job=[failed, job("dora", suspend=True)], Pod=[]))
    ran = status(batch)
    assert ran.code == 1
    assert [line.split("\t")[:2] for line in ran.out.splitlines()] == [
        ["bob", "failed"], ["carol", "cancelled"], ["dora", "paused"], ["alice", "published"],
    ]  # fmt: skip
    assert ran.err.startswith("batch night: 4 groups: 1 published, 1 paused, 1 cancelled, 1 failed; since ")


def test_rows_by_state_by_handle_and_by_group(batch: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch, FakeCluster(Job=[job("bob", suspend=True)], Pod=[]))
    assert status(batch, "--state", "paused").out.split("\t")[0] == "bob"
    assert status(batch, "--handle", "@ALICE").out.split("\t")[:2] == ["alice", "published"]
    assert status(batch, "carol").out.split("\t")[0] == "carol"
    assert status(batch, "--state", "sleeping").code == 2
    ran = status(batch, "nobody")
    assert (ran.code, ran.err) == (2, "error: batch night has no bot 'nobody'; it has alice, bob, carol\n")
    handles = status(batch, "--handle", "nobody").err
    assert handles == "error: batch night has no handle 'nobody'; it has Alice, Carol, bob\n"


def test_the_same_for_programs(batch: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch, FakeCluster(Job=[job("bob", suspend=True)], Pod=[]))
    found = json.loads(status(batch, "-o", "json").out)
    assert found["totals"] == {"cancelled": 1, "paused": 1, "published": 1}
    assert [group["bot"] for group in found["groups"]] == ["carol", "bob", "alice"]
    assert "phase: paused" in status(batch, "-o", "yaml").out
    assert status(batch, "-o", "xml").code == 2


@pytest.mark.usefixtures("away")
def test_without_a_cluster_the_store_s_side_is_shown_and_it_is_said(batch: FolderStore) -> None:
    ran = status(batch)
    assert "the cluster gives no answer\nshown is what the store has" in ran.err
    assert [line.split("\t")[1] for line in ran.out.splitlines()] == ["unknown", "unknown", "published"]


@pytest.mark.usefixtures("away")
def test_a_batch_that_nobody_knows_is_an_error(tmp_path: Path) -> None:
    ran = htctl("status", "--batch", "night", "--store", str(tmp_path))
    assert ran.code == 2
    assert "no batch 'night' in no cluster, nor in the store" in ran.err
    assert ran.err.endswith("(--namespace, --store, or -f bots.yaml)\n")


def test_what_was_spent_is_read_only_where_it_is_shown(batch: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch, FakeCluster(Job=[], Pod=[]))
    asked: list[int] = []
    read = spending.read
    monkeypatch.setattr(
        spending, "read", lambda store, wanted: (asked.append(len(list(wanted))), read(store, wanted))[1]
    )
    profile = Profile("1", "alice", "", "", "", "", False, None, None)
    account = Account(profile, (Sweep(posts=3200, complete=True),), requests=33, spent=16.01)
    batch.write("posts/x/alice/index.json", account.to_bytes())
    (group,) = (each for each in json.loads(status(batch, "-o", "json").out)["groups"] if each["bot"] == "alice")
    about = {"asked": {"source": "x", "handles": ["alice"]}}
    batch.write(f"bots/alice/runs/{group['run']}/config.json", json.dumps(about).encode())
    asked.clear()
    status(batch)
    assert asked == [0]
    found = json.loads(status(batch, "-o", "json").out)
    assert found["x"] == {"posts": 3200, "spent": 16.01}
    assert {each["bot"]: each["spent"] for each in found["groups"]}["alice"] == 16.01
    wide = status(batch, "-o", "wide")
    assert "; $16.01 spent on X's posts" in wide.err
    assert "\t$16.01\t" in next(line for line in wide.out.splitlines() if line.startswith("alice\t"))


def kept_in(store: FolderStore, batch: str) -> Any:
    """alice's Job of a batch whose runs are in that store, ended well."""
    made = job(f"alice-{batch}")
    about = made["metadata"]
    about["labels"]["htctl.dev/batch"] = batch
    about["annotations"] |= {"htctl.dev/bot": "alice", "htctl.dev/run": f"{batch}-alice"}
    (container,) = made["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": "HTCTL_RUN", "value": json.dumps({"store": store.address})}]
    return ended(made)


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[FolderStore]:
    """The stores of batches first and second, in both of which alice is published."""
    monkeypatch.delenv("HTCTL_STORE", raising=False)
    stores = [FolderStore((tmp_path / batch).resolve()) for batch in ("first", "second")]
    for store, batch in zip(stores, ("first", "second"), strict=True):
        add_run(store, f"{batch}-alice", bot="alice", current=True)
    jobs = [kept_in(store, batch) for store, batch in zip(stores, ("first", "second"), strict=True)]
    connected(monkeypatch, FakeCluster(Job=jobs, Pod=[]))
    return stores


@pytest.mark.usefixtures("two")
def test_each_job_is_judged_by_its_own_store_and_named_with_its_batch() -> None:
    ran = htctl("status")
    assert [line.split("\t")[:3] for line in ran.out.splitlines()] == [
        ["first", "alice", "published"], ["second", "alice", "published"],
    ]  # fmt: skip
    assert ran.code == 0
    groups = json.loads(htctl("status", "-o", "json").out)["groups"]
    assert [group["batch"] for group in groups] == ["first", "second"]


def test_what_another_store_has_is_not_known_and_never_failed(two: list[FolderStore]) -> None:
    ran = htctl("status", "--store", two[0].address)
    *_, second = [line.split("\t") for line in ran.out.splitlines()][::-1]
    assert (ran.code, second[:3]) == (0, ["second", "alice", "unknown"])
    assert second[-1] == f"its store is {two[1].address}, which was not asked what came of it"


def test_a_folder_that_only_pods_have_says_nothing(two: list[FolderStore]) -> None:
    two[0].root.rename(two[0].root.with_name("away"))
    assert [line.split("\t")[2] for line in htctl("status").out.splitlines()] == ["unknown", "published"]


def test_a_folder_mounted_elsewhere_is_known_by_what_it_has(two: list[FolderStore]) -> None:
    here = two[0].root.rename(two[0].root.with_name("here"))
    assert [line.split("\t")[2] for line in htctl("status", "--store", str(here)).out.splitlines()] == [
        "unknown",
        "published",
    ]
