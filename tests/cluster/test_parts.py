"""Parts of the cluster crash while a batch is sent, watched and made."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from k8s import names
from k8s.manifests import Manifest
from pipeline.layout import RunKeys
from tests import factories
from tests.cluster import parts, scene, sixgroups
from tests.cluster.scene import Run, Scene, until

MANY = 300


@pytest.fixture(autouse=True)
def ours() -> None:
    parts.needed()


def test_a_submit_outlives_a_crash_of_the_api_server(stage: Scene, tmp_path: Path) -> None:
    posts = factories.write_posts(tmp_path / "posts.jsonl", factories.sentences(3))
    groups = [f"user{number}" for number in range(MANY)]
    file = stage.batch(tmp_path, dict.fromkeys(groups, posts), groups, kubernetes={"job": {"suspend": True}})
    sending = _start("submit", "-f", str(file))
    batch = names.selector(scene.batchfile_name(tmp_path))
    until("some Jobs", lambda: len(stage.cluster.heads("Job", batch).items) > 20)
    parts.kill(parts.API_SERVER)
    time.sleep(3)
    parts.start()
    said, _ = sending.communicate(timeout=300)
    assert (sending.returncode, f"the cluster has {MANY} of {MANY} Jobs" in said) == (0, True), said
    assert len(stage.cluster.heads("Job", batch).items) == MANY
    assert sixgroups.htctl("cancel", "-f", str(file), "--yes").returncode == 0


def test_who_watches_outlives_a_crash_of_the_api_server(stage: Scene, tmp_path: Path, unbroken: str) -> None:
    file = stage.batch(tmp_path, **scene.a_bot(tmp_path), kubernetes={"backoff_limit": 0})
    watching = _start("submit", "-f", str(file), "--wait")
    until("a Pod", lambda: stage.cluster.list("Pod", names.selector(scene.batchfile_name(tmp_path))).items)
    parts.kill(parts.API_SERVER)
    time.sleep(5)
    parts.start()
    said, _ = watching.communicate(timeout=300)
    assert (watching.returncode, "1 group: 1 published" in said) == (0, True), said
    run = _run(stage, file)
    assert stage.codes(run) == [0]
    assert not stage.is_here() or scene.weights(stage.store, run.keys) == unbroken


def test_a_node_that_is_lost_while_its_container_works_on_makes_no_second_bot(
    stage: Scene, tmp_path: Path, unbroken: str
) -> None:
    """The kubelet dies and its Node is deleted: the Job makes another Pod while the first still writes."""
    scene.needs(stage.is_here(), "the cluster's node is another machine")
    (run,) = stage.send(stage.batch(tmp_path, **scene.a_bot(tmp_path)))
    until("a checkpoint", lambda: stage.saved(run))
    first = until("a running Pod", lambda: stage.running(run))
    node = stage.cluster.get("Pod", first)["spec"]["nodeName"]
    parts.kill(parts.KUBELET)
    try:
        stage.asked.ask("DELETE", f"/api/v1/nodes/{node}")
        until("the first Pod to be given up", lambda: first not in [_name(pod) for pod in stage.pods(run)])
        until("the container to publish all the same", lambda: stage.current(run) == run.keys.run)
        before = {entry.key: stage.store.version(entry.key) for entry in stage.store.list(run.keys.model(""))}
    finally:
        parts.start()
    assert until("the Job's end", lambda: stage.ended(run)) == "Complete"
    assert {entry.key: stage.store.version(entry.key) for entry in stage.store.list(run.keys.model(""))} == before
    assert scene.weights(stage.store, run.keys) == unbroken
    assert stage.attempts(run)[0]["host"] == first


def _start(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "htctl", *arguments]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _run(stage: Scene, file: Path) -> Run:
    (job,) = sixgroups.jobs(stage, file).values()
    notes = job["metadata"]["annotations"]
    return Run(RunKeys(notes[names.BOT], notes[names.RUN]), job["metadata"]["name"])


def _name(pod: Manifest) -> str:
    return str(pod["metadata"]["name"])
