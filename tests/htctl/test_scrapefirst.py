"""The Job that fetches a batch's posts before any other is made; the cluster is a server on a socket."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from htctl import batchfile, scrapefirst
from k8s.manifests import Manifest
from pipeline import accounts, layout
from pipeline.accounts import Account, Profile, Sweep
from pipeline.order import Order
from pipeline.store import open_store
from tests.htctl import clusters
from tests.htctl.clusters import fake  # noqa: F401 - a fixture
from tests.htctl.runner import Ran, htctl
from tests.k8s.apiserver import State

FILE = """\
batch: night
store: {store}
defaults:
  source: x
  base_model: tiny
  kubernetes:
    image: htctl
    secrets: [x]
    volumes: [{{name: s, mountPath: {store}, hostPath: {{path: {store}}}}}]
groups: [Alice, alice+bluesky:carol.example, {{handles: [bob], posts: {{bob: bob.jsonl}}}}]
"""
BOTS = {"alice", "bob"}


@pytest.fixture(autouse=True)
def batch(fake: State, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    monkeypatch.setattr(scrapefirst, "LOOK_S", 0.01)
    monkeypatch.setattr(scrapefirst, "SELDOM_S", 0.01)
    path = Path("bots.yaml")
    path.write_text(FILE.format(store=Path("store").absolute()))
    return path


def submit(*arguments: str) -> Ran:
    return htctl("submit", "-f", "bots.yaml", "--scrape-first", *arguments)


def scrape_job(state: State) -> Manifest:
    (found,) = (job for name, job in state.objects["Job"].items() if name.startswith("scrape-night-"))
    return dict(found)


def others(state: State) -> list[str]:
    return [name for name in list(state.objects["Job"]) if not name.startswith("scrape-")]


def meanwhile(state: State, act: Callable[[Manifest], None]) -> threading.Thread:
    """Do something once the Job is there that fetches."""

    def wait() -> None:
        while not any(name.startswith("scrape-") for name in list(state.objects["Job"])):
            time.sleep(0.01)
        act(scrape_job(state))

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def failing(state: State, code: int, why: str) -> Callable[[Manifest], None]:
    """The Job's Pod ends with a code, and the Job has failed."""

    def act(job: Manifest) -> None:
        word = json.dumps({"code": code, "reason": why, "stage": ""})
        ended = {"exitCode": code, "message": word, "finishedAt": "2026-01-01T00:00:00Z"}
        owner = {"kind": "Job", "name": job["metadata"]["name"], "uid": job["metadata"]["uid"], "controller": True}
        labels = {**job["metadata"]["labels"], "batch.kubernetes.io/job-name": job["metadata"]["name"]}
        pod: dict[str, Any] = {
            "metadata": {
                "name": f"pod-{code}",
                "labels": labels,
                "ownerReferences": [owner],
                "creationTimestamp": "2026-01-01T00:00:00Z",
            },
            "spec": {"containers": []},
            "status": {"phase": "Failed", "containerStatuses": [{"name": "train", "state": {"terminated": ended}}]},
        }
        state.change("ADDED", "Pod", pod)
        state.end(job["metadata"]["name"], "Failed")

    return act


def test_the_other_jobs_are_made_when_it_has_ended(fake: State) -> None:  # noqa: F811
    seen = []

    def end(job: Manifest) -> None:
        time.sleep(0.1)
        seen.extend(others(fake))
        seen.append(bool(json.loads(Path("store", layout.batch("night")).read_text())["groups"]))
        fake.end(job["metadata"]["name"])

    thread = meanwhile(fake, end)
    ran = submit()
    thread.join()
    assert (ran.code, seen) == (0, [True])
    assert len(others(fake)) == 3
    name = scrape_job(fake)["metadata"]["name"]
    assert f"posts are fetched first, by Job {name}: created" in ran.err
    assert ran.err.endswith(
        "submitted 3, already there 0; the cluster has 3 of 3 Jobs of batch night in namespace bots\n"
        "next  htctl watch -f bots.yaml\n"
    )


def test_it_is_told_every_account_that_is_asked_for_once(fake: State) -> None:  # noqa: F811
    made = scrapefirst.job(batchfile.load(Path("bots.yaml"), {"scrape": {"posts": 500}}), "s3://bots")
    assert made is not None
    pod = made["spec"]["template"]["spec"]["containers"][0]
    (told,) = (each["value"] for each in pod["env"] if each["name"] == "HTCTL_SCRAPE")
    order = Order.from_json(told)
    assert order.accounts == {"x": ("alice",), "bluesky": ("carol.example",)}
    assert (order.store, order.scrape.posts) == ("s3://bots", 500)


def test_a_client_that_was_killed_meanwhile_goes_on_with_the_job_that_is_there(fake: State) -> None:  # noqa: F811
    thread = meanwhile(fake, failing(fake, 1, "a fault"))
    assert submit().code == 1
    thread.join()
    name = scrape_job(fake)["metadata"]["name"]
    fake.objects["Job"][name]["status"] = {}  # as it was when the client was killed
    fake.objects["Pod"].clear()
    uid = fake.objects["Job"][name]["metadata"]["uid"]
    threading.Timer(0.2, fake.end, (name,)).start()
    ran = submit()
    assert (ran.code, len(others(fake))) == (0, 3)
    assert f"by Job {name}: already there" in ran.err
    assert fake.objects["Job"][name]["metadata"]["uid"] == uid


@pytest.mark.parametrize("code", [66, 69, 77])
def test_what_one_account_or_source_lacks_does_not_keep_the_others_from_being_made(
    fake: State,  # noqa: F811
    code: int,
) -> None:
    meanwhile(fake, failing(fake, code, "X has suspended @alice"))
    ran = submit()
    assert (ran.code, len(others(fake))) == (0, 3)
    assert "not all posts could be fetched: X has suspended @alice" in ran.err
    assert "; groups that miss some will fail" in ran.err


def test_after_a_fault_nothing_else_is_sent_and_the_same_command_tries_once_more(fake: State) -> None:  # noqa: F811
    meanwhile(fake, failing(fake, 1, "the disk is full"))
    ran = submit()
    assert (ran.code, others(fake)) == (1, [])
    assert "the posts were not fetched: failed: the disk is full; htctl logs scrape-night-" in ran.err
    uid = scrape_job(fake)["metadata"]["uid"]
    fake.objects["Pod"].clear()

    def end() -> None:
        while scrape_job_uid(fake) in ("", uid):
            time.sleep(0.01)
        fake.end(scrape_job(fake)["metadata"]["name"])

    threading.Thread(target=end, daemon=True).start()
    assert (submit().code, len(others(fake))) == (0, 3)


def scrape_job_uid(state: State) -> str:
    found = [job for name, job in list(state.objects["Job"].items()) if name.startswith("scrape-")]
    return found[0]["metadata"]["uid"] if found else ""


def test_one_that_cannot_start_is_deleted_in_time(fake: State) -> None:  # noqa: F811
    meanwhile(fake, lambda job: fake.change("ADDED", "Pod", clusters.not_pulled(job)))
    ran = submit("--start-deadline=1m")
    assert (ran.code, fake.objects["Job"]) == (1, {})
    assert "so it was deleted: ImagePullBackOff: no such image" in ran.err


def test_one_that_is_at_work_for_other_accounts_is_a_conflict(fake: State) -> None:  # noqa: F811
    meanwhile(fake, failing(fake, 1, "a fault"))
    submit()
    fake.objects["Job"][scrape_job(fake)["metadata"]["name"]]["status"] = {}
    text = Path("bots.yaml").read_text().replace("groups: [Alice,", "groups: [dora, Alice,")
    Path("bots.yaml").write_text(text)
    ran = submit()
    assert (ran.code, others(fake)) == (1, [])
    assert "1 Job is there with another config; --replace deletes and makes anew" in ran.err


def test_what_is_in_the_store_needs_no_job(fake: State) -> None:  # noqa: F811
    profile = Profile("1", "alice", "", "", "", "", protected=False, posts=0, followers=0)
    account = Account(profile, (Sweep(complete=True),))
    for source, handle in (("x", "alice"), ("bluesky", "carol.example")):
        open_store("store").write(layout.AccountKeys(source, handle).index, account.to_bytes())
        assert accounts.read(open_store("store"), source, handle) == account
    ran = submit()
    assert (ran.code, len(fake.objects["Job"])) == (0, 3)


def test_a_batch_of_files_has_none(fake: State) -> None:  # noqa: F811
    Path("alice.jsonl").write_text('{"text": "alice"}\n')
    ran = htctl("submit", "bob", "--posts=bob.jsonl", "--scrape-first", "--store=s3://b", "--set=kubernetes.image=h",
                "--dry-run=client")  # fmt: skip
    assert ran.err.startswith("1 objects of batch")


@pytest.mark.parametrize(
    ("where", "says"), [("client", "4 objects of batch night"), ("server", "4 would be submitted")]
)
def test_a_dry_run_counts_it(fake: State, where: str, says: str) -> None:  # noqa: F811
    ran = submit(f"--dry-run={where}")
    assert (ran.code, says in ran.err, fake.objects["Job"]) == (0, True, {})


def test_status_and_cancel_know_it(fake: State) -> None:  # noqa: F811
    thread = meanwhile(fake, failing(fake, 1, "a fault"))
    submit()
    thread.join()
    name = scrape_job(fake)["metadata"]["name"]
    fake.objects["Job"][name]["status"] = {}
    fake.objects["Pod"].clear()
    ran = htctl("status", "-f", "bots.yaml")
    assert ran.err.startswith("batch night: 3 groups: 3 queued; posts: scheduling")
    assert f"{name}\tscheduling" in ran.out
    assert ran.out.count("is sent when the batch's posts are fetched (--scrape-first)") == 3
    told = json.loads(htctl("status", "-f", "bots.yaml", "-o", "json").out)
    assert (told["scrape"]["job"], len(told["groups"]), told["totals"]) == (name, 3, {"queued": 3})
    fake.end(name)
    assert json.loads(htctl("status", "-f", "bots.yaml", "-o", "json").out)["scrape"]["phase"] == "fetched"
    assert htctl("cancel", "-f", "bots.yaml", "--yes", "--finished").code == 0
    assert fake.objects["Job"] == {}


def test_render_shows_it_as_it_is_sent(fake: State) -> None:  # noqa: F811
    thread = meanwhile(fake, failing(fake, 1, "a fault"))
    submit()
    thread.join()
    sent = scrape_job(fake)
    shown = json.loads(htctl("render", "-f", "bots.yaml", "--scrape-first", "-o", "json").out)["items"]
    assert len(shown) == 4
    assert shown[0]["spec"] == sent["spec"]
    assert shown[0]["metadata"]["annotations"] == sent["metadata"]["annotations"]
