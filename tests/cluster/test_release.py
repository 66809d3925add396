"""The chart as it is used: nights, upgrades, an uninstall, two releases, and no helm in the cluster."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from k8s import manifests, names
from k8s.connection import Connection
from pipeline import layout
from pipeline.store import open_store
from pipeline.store.objects import read_json
from tests import factories, s3server
from tests.cluster import namespaces, scene, sixgroups
from tests.cluster import release as releases
from tests.cluster.release import Release
from tests.helm import charts
from tests.k8s import real

GROUPS = ["alice", "bob", "alice+bob", "carol"]


@pytest.fixture
def own(image: str, s3_beside: s3server.Server | None) -> Iterator[Connection]:
    with namespaces.made(releases.RESTRICTED) as asked:
        yield asked


@pytest.fixture(params=charts.programs() or [""], ids=lambda program: program.rpartition("/")[2] or "none")
def release(request: pytest.FixtureRequest, own: Connection, image: str, stage: Any, tmp_path: Path) -> Release:
    """One for each helm that is here; not installed yet."""
    scene.needs(request.param, "there is no helm on PATH")
    made = Release(own, image, stage.address, request.param, tmp_path)
    made.values = releases.values(image, stage.address)
    return made


def batch() -> dict[str, Any]:
    """Of the values: four groups whose bots take seconds."""
    kubernetes = {"pod": scene.SMALL_POD, "grace_seconds": 60}
    defaults = {**factories.small_settings(), "resources": {"gpus": 0, "cpu": 1, "memory": "1Gi"}}
    defaults |= {"limits": {"lease_seconds": scene.LEASE_S}, "kubernetes": kubernetes}
    return {"groups": GROUPS, "defaults": defaults, "posts": {"configMap": releases.POSTS}}


def night(release: Release, job: str, *, kill: bool = False) -> dict[str, str]:
    """Fire the CronJob and wait for its end: how each group ended. `kill`: the Pod that submits, once it has."""
    release.fire(job)
    if kill:
        scene.until("its Jobs are there", lambda: release.cluster.list("Job", names.selector(job)).items)
        (pod,) = release.cluster.list("Pod", f"{names.JOB}={job}").items
        release.cluster.delete("Pod", pod["metadata"]["name"])
    ended = scene.until(f"{job} has ended", lambda: release.ended(job))
    assert ended == "Complete", release.log(job)
    told = sixgroups.htctl("status", "--batch", job, "--store", release.store, "-n", release.namespace, "-o", "json")
    return {group["bot"]: group["phase"] for group in json.loads(told.stdout)["groups"]}


def trained(release: Release, job: str) -> set[str]:
    """The bots that a batch has trained, as the stages' markers in the store tell."""
    store = open_store(release.store)
    keys = [entry.key for entry in store.list("bots/") if entry.key.endswith("/stages/train.json")]
    return {key.split("/")[1] for key in keys if key.split("/")[3].startswith(f"{job}-")}


def test_a_night_and_the_next_after_new_posts(release: Release, tmp_path: Path) -> None:
    if release.program != charts.programs()[0]:
        pytest.skip("one helm is enough for what Pods do")
    posts = {name: factories.sentences(60, f"{name} ") for name in ("alice", "bob", "carol")}
    release.values |= {"batch": batch(), "tests": {"probe": True}}
    release.give_posts(posts, tmp_path)
    release.put()
    told = release.helm("test", release.name, "--logs", "--timeout", "5m")
    assert "Succeeded" in told, told
    bots = {"alice", "bob", "alice-bob", "carol"}
    assert night(release, "first-1") == dict.fromkeys(bots, "published")
    assert trained(release, "first-1") == bots
    release.give_posts({**posts, "alice": [*posts["alice"], "a new post about the ferry"]}, tmp_path)
    assert night(release, "second-2", kill=True) == {
        "alice": "published", "alice-bob": "published", "bob": "unchanged", "carol": "unchanged"
    }  # fmt: skip
    assert trained(release, "second-2") == {"alice", "alice-bob"}
    store = open_store(release.store)
    current = {bot: read_json(store, layout.latest(bot))["run"].rpartition("-")[0] for bot in bots}
    assert current == {"alice": "second-2", "alice-bob": "second-2", "bob": "first-1", "carol": "first-1"}


def test_a_test_says_what_is_missing(release: Release) -> None:
    release.values["store"]["address"] = re.sub(r":\d+", ":9", release.store)  # nothing listens there
    release.put()
    release.helm("test", release.name, "--timeout", "3m", well=False)
    told = "\n".join(release.cluster.logs(f"{release.name}-htctl-test", "htctl"))
    assert "BAD  store: " in told, told
    assert "ok   permissions: all" in told


def test_upgrade_rollback_and_uninstall_leave_jobs_and_bots_alone(release: Release, tmp_path: Path) -> None:
    store = open_store(release.store)
    store.write("bots/x/latest.json", b'{"run": "x-1"}')
    release.values |= {"batch": {**batch(), "posts": {}}}
    release.values["batch"]["defaults"]["posts"] = "/none/{handle}"
    release.put()
    before = release.objects()
    job = real.job("long", image=release.image, service_account=f"{release.name}-htctl-jobs")
    made = release.cluster.create(job)["metadata"]
    running = scene.until("the Job runs", lambda: pods(release, made["name"], "Running"))
    newer = shutil.copytree(charts.CHART, tmp_path / "newer")
    about = (newer / "Chart.yaml").read_text()
    (newer / "Chart.yaml").write_text(about.replace("version: 0.1.0", "version: 0.2.0", 1))
    release.chart = newer
    release.values["quota"] = {"hard": {"count/jobs.batch": "100"}}
    release.put("upgrade")
    assert release.objects() == before | {("resourcequotas", f"{release.name}-htctl")}
    release.helm("rollback", release.name, "1")
    assert release.objects() == before
    release.helm("uninstall", release.name, "--wait")
    assert release.objects() == set()
    assert release.cluster.get("Job", made["name"])["metadata"]["uid"] == made["uid"]
    assert pods(release, made["name"], "Running") == running
    assert store.exists("bots/x/latest.json")


def pods(release: Release, job: str, phase: str) -> list[str]:
    found = release.cluster.list("Pod", f"{names.JOB}={job}").items
    return [pod["metadata"]["uid"] for pod in found if pod["status"]["phase"] == phase]


def test_two_releases_in_one_namespace(release: Release) -> None:
    release.put()
    other = Release(release.asked, release.image, release.store, release.program, release.home, "day")
    other.values = {**release.values, "nodesService": {"create": False}}
    other.put()
    ours = release.objects()
    assert ours.isdisjoint(other.objects())
    for each in (release, other):
        assert "Succeeded" in each.helm("test", each.name, "--timeout", "3m")
    other.helm("uninstall", other.name, "--wait")
    assert release.objects() == ours


def test_the_service_that_submit_has_made_is_taken_over(release: Release) -> None:
    release.cluster.create(manifests.service(release.namespace))
    release.put("install", "--take-ownership")
    assert ("services", names.SERVICE) in release.objects()


def test_without_helm_in_the_cluster(release: Release) -> None:
    release.values["batch"] = {**batch(), "once": False}
    arguments = ("template", release.name, str(release.chart), "-n", release.namespace, "-f", "-", "--skip-tests")
    ran = charts.helm(release.program, *arguments, given=json.dumps(release.values))
    releases.kubectl("apply", "--server-side", "-f", "-", given=ran.stdout)
    again = releases.kubectl("apply", "--server-side", "-f", "-", given=ran.stdout)
    assert {line.rpartition(" ")[2] for line in again.splitlines()} == {"serverside-applied"}
    assert ("cronjobs", f"{release.name}-htctl") in release.objects()
