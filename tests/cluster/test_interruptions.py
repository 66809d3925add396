"""Whatever happens to a Pod, its run ends published once, as if nothing had, or failed for a reason that is told."""

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from k8s import ending
from k8s.manifests import Manifest
from tests.cluster import scene, sixgroups
from tests.cluster.scene import Run, Scene, until

AWAY_S = 60  # of the S3 server


def sent(stage: Scene, folder: Path, **kubernetes: Any) -> Run:
    (run,) = stage.send(stage.batch(folder, **scene.a_bot(folder), kubernetes=kubernetes))
    return run


def under_way(stage: Scene, run: Run) -> str:
    """Wait until a training has a checkpoint and goes on; returns its Pod."""
    until("a checkpoint", lambda: stage.saved(run))
    return until("a running Pod", lambda: stage.running(run))


def is_published_once(stage: Scene, run: Run, weights: str) -> None:
    """Wait for the Job, and see that the bot is there, made by one attempt, with the unbroken one's weights."""
    assert until("the Job's end", lambda: stage.ended(run)) == "Complete"
    assert stage.current(run) == run.keys.run
    assert stage.codes(run).count(0) == 1
    if stage.is_here():  # another kind of CPU sums in another order
        assert scene.weights(stage.store, run.keys) == weights


def delete(stage: Scene, run: Run, pod: str) -> None:
    stage.cluster.delete("Pod", pod)


def evict(stage: Scene, run: Run, pod: str) -> None:
    stage.evict(pod)


def suspend(stage: Scene, run: Run, pod: str) -> None:
    stage.cluster.patch("Job", run.job, {"spec": {"suspend": True}})
    until("no Pod", lambda: not stage.pods(run))
    time.sleep(3)
    assert not stage.pods(run)
    stage.cluster.patch("Job", run.job, {"spec": {"suspend": False}})


@pytest.mark.parametrize("how", [delete, evict, suspend])
def test_a_pod_that_is_asked_to_end_saves_its_work_and_the_next_one_goes_on(
    stage: Scene, tmp_path: Path, unbroken: str, how: Callable[[Scene, Run, str], None]
) -> None:
    run = sent(stage, tmp_path, backoff_limit=0)
    how(stage, run, under_way(stage, run))
    is_published_once(stage, run, unbroken)
    assert stage.codes(run) == [75, 0]
    assert stage.attempts(run)[0]["steps_lost"] == 0
    assert "train: goes on after step" in stage.log(run)
    assert "failed" not in stage.job(run)["status"]


def test_a_job_before_which_another_goes_has_its_work_saved(
    stage: Scene, tmp_path: Path, unbroken: str, queue: str
) -> None:
    """Two runs fill the queue; one that may go before them takes the place of one, which goes on after it."""
    first = sent(stage, tmp_path, queue=queue, backoff_limit=0, pod=_cpu("150m"))
    under_way(stage, first)
    other = Scene(stage.cluster, stage.asked, stage.image, _beside(stage.address), stage.server)
    folder = tmp_path / "other"
    folder.mkdir()
    high = sent(other, folder, queue=queue, labels={scene.KUEUE_PRIORITY: queue}, pod=_cpu("150m"))
    until("the first to make room", lambda: stage.codes(first)[:1] == [75])
    is_published_once(other, high, unbroken)
    is_published_once(stage, first, unbroken)
    assert stage.codes(first) == [75, 0]
    assert "failed" not in stage.job(first)["status"]


@pytest.mark.parametrize("program", ["python", "tini"])
def test_a_pod_that_is_killed_loses_what_came_after_its_checkpoint(
    stage: Scene, tmp_path: Path, unbroken: str, program: str
) -> None:
    _needs_this_machine(stage)
    run = sent(stage, tmp_path)
    stage.send_signal(under_way(stage, run), signal.SIGKILL, program)
    is_published_once(stage, run, unbroken)
    assert stage.codes(run) == [None, 0]
    assert "train: goes on after step" in stage.log(run)
    assert stage.job(run)["status"]["failed"] == 1
    assert [_state(pod)["exitCode"] for pod in stage.pods(run)] == [137, 0]


def test_a_pod_that_slept_through_its_lease_does_no_harm(stage: Scene, tmp_path: Path, unbroken: str) -> None:
    _needs_this_machine(stage)
    file = stage.batch(tmp_path, **scene.a_bot(tmp_path))
    (first,) = stage.send(file)
    pod = under_way(stage, first)
    stage.send_signal(pod, signal.SIGSTOP)
    try:
        (second,) = stage.send(file, _named_otherwise)
        assert until("the second's end", lambda: stage.ended(second)) == "Complete"
        before = {entry.key: stage.store.version(entry.key) for entry in stage.store.list("bots/")}
    finally:
        stage.send_signal(pod, signal.SIGCONT)
    assert until("the first's end", lambda: stage.ended(first)) == "Complete"
    is_published_once(stage, second, unbroken)
    assert {entry.key: stage.store.version(entry.key) for entry in stage.store.list("bots/")} == before
    states = [_state(pod) for pod in stage.pods(first)]
    assert [state["exitCode"] for state in states] == [75, 0]
    assert "has taken this run over" in states[0]["message"]
    assert "already published" in states[1]["message"]


def test_a_store_that_is_away_for_a_minute_is_waited_for(stage: Scene, tmp_path: Path, unbroken: str) -> None:
    scene.needs(stage.server, "HTCTL_CLUSTER_S3 names a store that is not ours to stop")
    run = sent(stage, tmp_path, backoff_limit=0)
    under_way(stage, run)
    assert stage.server
    stage.server.kill()
    time.sleep(AWAY_S)
    stage.server.start()
    is_published_once(stage, run, unbroken)
    assert stage.codes(run) == [0]


def test_too_little_memory_fails_the_job_and_the_pod_says_so(stage: Scene, tmp_path: Path) -> None:
    given = {**scene.a_bot(tmp_path), "resources": {"gpus": 0, "cpu": 1, "memory": "100Mi"}}
    (run,) = stage.send(stage.batch(tmp_path, **given, kubernetes={"backoff_limit": 1, "shared_memory": "10Mi"}))
    assert until("the Job's end", lambda: stage.ended(run)) == "Failed: BackoffLimitExceeded"
    ends = [ending.of_pod(pod) for pod in stage.pods(run)]  # the node does not always know why
    assert [end.code for end in ends] == [137] * 2
    assert all("out of memory at its limit of 100Mi; ask for more" in end.reason for end in ends)
    assert stage.current(run) == ""


def test_a_node_on_which_two_attempts_failed_is_left_by_the_next(stage: Scene, tmp_path: Path) -> None:
    _needs_this_machine(stage)
    run = sent(stage, tmp_path, backoff_limit=5)
    for tries in (1, 2):
        until("an attempt", lambda tries=tries: len(stage.attempts(run)) == tries and stage.running(run))
        stage.send_signal(stage.running(run), signal.SIGKILL)
        until("its end", lambda tries=tries: stage.job(run)["status"].get("failed") == tries)
    until("the next one to leave", lambda: stage.codes(run)[2:] == [75])
    assert "2 attempts failed on" in stage.attempts(run)[2]["reason"]
    assert stage.job(run)["status"]["failed"] == 2  # it is not counted
    stage.cluster.delete("Job", run.job)


def test_a_job_that_is_removed_when_its_time_is_up_while_somebody_watches_was_published(
    stage: Scene, tmp_path: Path, unbroken: str
) -> None:
    file = stage.batch(tmp_path, **scene.a_bot(tmp_path), kubernetes={"keep_seconds": 0})
    sent = sixgroups.htctl("submit", "-f", str(file), "--wait")
    assert (sent.returncode, "1 group: 1 published" in sent.stdout) == (0, True), sent.stdout + sent.stderr
    until("its Job to be gone", lambda: not sixgroups.jobs(stage, file))
    assert "published" in sixgroups.htctl("status", "-f", str(file)).stdout


def test_who_waits_ends_a_job_whose_image_cannot_be_had(stage: Scene, tmp_path: Path) -> None:
    given = {"image": "127.0.0.1:9/nowhere/htctl:1", "pull_policy": "IfNotPresent"}
    file = stage.batch(tmp_path, **scene.a_bot(tmp_path), kubernetes=given)
    sent = sixgroups.htctl("submit", "-f", str(file), "--wait", "--start-deadline=10s")
    assert sent.returncode == 1, sent.stderr
    assert "so its Job was deleted: " in sent.stdout
    assert "127.0.0.1:9/nowhere/htctl:1" in sent.stdout
    assert sixgroups.jobs(stage, file) == {}


def test_a_fault_at_every_start_fails_the_job_after_its_retries(stage: Scene, tmp_path: Path) -> None:
    """A port at which nobody listens stands for any fault that stays."""
    env = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}
    file = stage.batch(tmp_path, **scene.a_bot(tmp_path), kubernetes={"backoff_limit": 1, "env": env})
    (run,) = stage.send(file, _without_endpoint)
    assert until("the Job's end", lambda: stage.ended(run)) == "Failed: BackoffLimitExceeded"
    states = [_state(pod) for pod in stage.pods(run)]
    assert [state["exitCode"] for state in states] == [1, 1]
    assert all("127.0.0.1:9" in state["message"] for state in states)
    assert stage.job(run)["status"]["failed"] == 2


@pytest.mark.parametrize(("policy", "reasons"), [
    ("IfNotPresent", ("ErrImagePull", "ImagePullBackOff")), ("Never", ("ErrImageNeverPull",)),
])  # fmt: skip
def test_an_image_that_cannot_be_had_leaves_the_pod_waiting_with_the_reason(
    stage: Scene, tmp_path: Path, policy: str, reasons: tuple[str, ...]
) -> None:
    run = sent(stage, tmp_path, image="127.0.0.1:9/nowhere/htctl:1", pull_policy=policy)

    def waiting() -> str:
        statuses = [status for pod in stage.pods(run) for status in pod["status"].get("containerStatuses", [])]
        return next((status["state"].get("waiting", {}).get("reason", "") for status in statuses), "")

    until(f"one of {reasons}", lambda: waiting() in reasons)
    assert [pod["status"]["phase"] for pod in stage.pods(run)] == ["Pending"]
    assert stage.ended(run) == ""
    assert stage.job(run)["status"]["active"] == 1
    stage.cluster.delete("Job", run.job)
    until("no Pod", lambda: not stage.pods(run))


def _state(pod: Manifest) -> dict[str, Any]:
    """How a Pod's container ended."""
    return dict(pod["status"]["containerStatuses"][0]["state"]["terminated"])


def _cpu(amount: str) -> dict[str, Any]:
    return {"containers": [{"name": "train", "resources": {"requests": {"cpu": amount}}}]}


def _named_otherwise(manifest: Manifest) -> None:
    manifest["metadata"]["name"] += "-2"


def _without_endpoint(manifest: Manifest) -> None:
    """Take the server's address out of the store's, so that the environment's counts."""
    variable = manifest["spec"]["template"]["spec"]["containers"][0]["env"][0]
    before, _, after = variable["value"].partition("?endpoint=")
    variable["value"] = f"{before}?{after.partition('&')[2]}"


def _beside(address: str) -> str:
    """Another prefix of the same bucket."""
    path, mark, options = address.partition("?")
    return f"{path}-2{mark}{options}"


def _needs_this_machine(stage: Scene) -> None:
    scene.needs(stage.is_here(), "the cluster's node is another machine, whose processes cannot be stopped from here")
