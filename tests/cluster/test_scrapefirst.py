"""A batch's posts fetched in a Pod without GPU before any training Job is made; X is a server on this machine."""

import base64
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from k8s import names
from k8s.cluster import CORE
from k8s.manifests import Manifest
from tests import factories, xserver
from tests.cluster import scene, sixgroups
from tests.cluster.conftest import TEST_CLUSTER, is_ours
from tests.cluster.scene import Scene

SECRET = "htctl-test-x"
ACCOUNTS = ("alice", "bob")


@pytest.fixture
def server(stage: Scene) -> Iterator[xserver.Server]:
    scene.needs(is_ours(TEST_CLUSTER), "no address of this machine that Pods reach")
    data = {"X_BEARER_TOKEN": base64.b64encode(xserver.TOKEN.encode()).decode()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "data": data}
    where = f"{CORE.format(namespace=stage.cluster.namespace)}/secrets"
    stage.asked.ask("POST", where, body=secret)
    with xserver.running(host=TEST_CLUSTER) as running:
        for handle in ACCOUNTS:
            running.account(handle, xserver.tweets(factories.sentences(240, f"{handle} ")))
        yield running
    stage.asked.ask("DELETE", f"{where}/{SECRET}")


def file(stage: Scene, server: xserver.Server, folder: Path, groups: list[Any]) -> Path:
    settings = scene.a_bot_settings()
    settings["train"]["epochs"] = 2
    of_x = {"env": {"HTCTL_X_API": server.url}, "secrets": [scene.SECRET, SECRET]}
    return stage.batch(folder, {}, groups, source="x", kubernetes=of_x, **settings)


def all_jobs(stage: Scene, batch: Path) -> tuple[Manifest, list[Manifest]]:
    """The Job that fetches, and the others."""
    listed = stage.cluster.list("Job", names.selector(scene.batchfile_name(batch.parent))).items
    (first,) = (job for job in listed if names.is_scrape(job))
    return first, [job for job in listed if not names.is_scrape(job)]


def test_posts_are_there_before_any_other_job_and_one_that_is_not_to_be_had_fails_alone(
    stage: Scene, server: xserver.Server, tmp_path: Path
) -> None:
    batch = file(stage, server, tmp_path, ["alice+bob", "nobody"])
    sent = sixgroups.htctl("submit", "-f", str(batch), "--scrape-first", "--wait")
    assert sent.returncode == 1, sent.stderr
    assert "not all posts could be fetched: X knows no @nobody" in sent.stderr
    assert sixgroups.published(stage.store).keys() == {"alice-bob"}
    assert "nobody: failed: X knows no @nobody" in sent.stdout
    assert set(server.pages().values()) == {1}
    first, others = all_jobs(stage, batch)
    assert len(others) == 2
    (ended,) = (each for each in first["status"]["conditions"] if each["type"] == "Failed")
    assert all(job["metadata"]["creationTimestamp"] >= ended["lastTransitionTime"] for job in others)
    shown = json.loads(sixgroups.htctl("status", "-f", str(batch), "-o", "json").stdout)
    assert (shown["scrape"]["phase"], shown["scrape"]["code"]) == ("failed", 66)
    assert shown["totals"] == {"failed": 1, "published": 1}


def test_a_client_that_is_killed_meanwhile_is_run_again_and_pays_once(
    stage: Scene, server: xserver.Server, tmp_path: Path
) -> None:
    batch = file(stage, server, tmp_path, ["alice", "bob"])
    server.delay = 1.0
    command = [sys.executable, "-m", "htctl", "submit", "-f", str(batch), "--scrape-first"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as client:
        scene.until("the first question to X", lambda: server.asked)
        client.send_signal(signal.SIGKILL)
    first, others = all_jobs(stage, batch)
    assert others == []
    shown = sixgroups.htctl("status", "-f", str(batch))
    assert shown.stdout.count("is sent when the batch's posts are fetched") == 2
    sent = sixgroups.htctl("submit", "-f", str(batch), "--scrape-first", "--wait")
    assert sent.returncode == 0, sent.stderr
    again, others = all_jobs(stage, batch)
    assert (again["metadata"]["uid"], len(others)) == (first["metadata"]["uid"], 2)
    assert set(server.pages().values()) == {1}
    assert sixgroups.published(stage.store).keys() == {"alice", "bob"}
