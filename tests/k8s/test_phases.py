"""Every row of the table from raw to phase; the objects are a real cluster's (Kubernetes 1.34, Kueue 0.15)."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from k8s import phases, raw
from k8s.states import Ask, Facts, Group, GroupState, Phase, Seen
from pipeline import moments
from pipeline.lease import Holder, State

CAPTURED = json.loads(Path(__file__).with_name("captured.json").read_text(encoding="utf-8"))
NOW = moments.moment("2026-11-25T17:53:00Z")  # when they were taken
EMPTY = Facts()
POINTER = {"run": "cap-0000aaaa", "config": "0000aaaa11", "bits_per_byte": 2.0}
OOM = "out of memory at its limit of 16Mi; ask for more: --set resources.memory=32Mi, or a smaller batch_size"
QUOTA = "couldn't assign flavors to pod set main: insufficient unused quota for cpu in flavor default, 20m more needed"
TRIED = "to be tried again; the last try: exit code 75; its log may say more (htctl logs)"
VOLUMES = "on node-0; its volumes or network are not there; kubectl describe pod says which"
MADE_WAY = f"next in its queue; made way for a workload of higher priority; {QUOTA}"

TABLE = [
    ("badname", Phase.PULLING, "InvalidImageName: Failed to apply default image tag"),
    ("noimage", Phase.PULLING, "ErrImagePull: failed to pull and unpack image"),
    ("backoff", Phase.PULLING, 'ImagePullBackOff: Back-off pulling image "registry.invalid/none:1": ErrImagePull'),
    ("neverpull", Phase.PULLING, "ErrImageNeverPull: Container image"),
    ("nosecret", Phase.STARTING, 'CreateContainerConfigError: secret "not-there" not found'),
    ("noconfig", Phase.STARTING, VOLUMES),
    ("toobig", Phase.SCHEDULING, "0/1 nodes are available: 1 Insufficient cpu"),
    ("nogpu", Phase.SCHEDULING, "0/1 nodes are available: 1 Insufficient nvidia.com/gpu"),
    ("novolume", Phase.SCHEDULING, '0/1 nodes are available: persistentvolumeclaim "none" not found'),
    ("exit75", Phase.STARTING, TRIED),
    ("running", Phase.STARTING, "on node-0"),
    ("exit66", Phase.FAILED, "@nobody is suspended"),
    ("exit1", Phase.FAILED, "the disk is full (at the last of 2 tries)"),
    ("oommain", Phase.FAILED, OOM),
    ("oomchild", Phase.FAILED, OOM),
    ("nocommand", Phase.FAILED, "failed to create containerd task"),
    ("deadline", Phase.FAILED, "stopped after 4 s, the Job's activeDeadlineSeconds; what it saved is kept"),
    ("ended0", Phase.FAILED, phases.NOTHING),
    ("paused", Phase.PAUSED, ""),
    ("second", Phase.QUEUED, f"next in its queue; {QUOTA}"),
    ("noqueue", Phase.QUEUED, "next in its queue; LocalQueue not-there doesn't exist"),
    ("first", Phase.PREEMPTED, MADE_WAY),
    ("third", Phase.PAUSED, "The workload is deactivated"),
]
STUCK = ("badname", "noimage", "backoff", "neverpull", "nosecret", "noconfig")


def seen(name: str, **changes: Any) -> Seen:
    found = CAPTURED[name]
    whole = Seen(found["job"], tuple(found["pods"]), found.get("workload"), ahead=0)
    return dataclasses.replace(whole, **changes)


def state(name: str, facts: Facts | None = EMPTY, **changes: Any) -> GroupState:
    group = raw.group(CAPTURED[name]["job"])
    return phases.state(group, seen(name, **changes), facts, NOW)


def leased(host: str, age: float = 10, **now: Any) -> State:
    holder = Holder("token", host, "node-0", 1, "another boot", "1")
    return State(3, holder, 60, moments.utc(NOW - 100), moments.utc(NOW - age), now=now)


def gone(facts: Facts | None) -> GroupState:
    return phases.state(Group("bot", "cap-0000aaaa", "bot-1", ("bot",)), Seen(), facts, NOW)


@pytest.mark.parametrize(("name", "phase", "detail"), TABLE, ids=[row[0] for row in TABLE])
def test_what_a_cluster_has_becomes_one_phase(name: str, phase: Phase, detail: str) -> None:
    found = state(name)
    assert (found.phase, found.detail[: len(detail)]) == (phase, detail)
    assert bool(found.stuck_since) == (name in STUCK)


def test_conditions_are_found_by_type_wherever_they_stand() -> None:
    for name, *_ in TABLE:
        turned = json.loads(json.dumps(CAPTURED[name]))
        for thing in (turned["job"], *turned["pods"], turned.get("workload", {})):
            thing.get("status", {}).get("conditions", []).reverse()
        other = Seen(turned["job"], tuple(turned["pods"]), turned.get("workload"), ahead=0)
        assert phases.state(raw.group(turned["job"]), other, EMPTY, NOW) == state(name)


def test_a_job_that_ended_well_is_what_the_store_says() -> None:
    run = raw.group(CAPTURED["ended0"]["job"]).run
    assert state("ended0", Facts(pointer={**POINTER, "run": run})).phase == Phase.PUBLISHED
    same = state("ended0", Facts(pointer={**POINTER, "config": run.rpartition("-")[2] + "ff"}))
    assert (same.phase, same.detail) == (Phase.UNCHANGED, "as cap-0000aaaa")
    assert state("ended0", Facts(pointer=POINTER)).phase == Phase.FAILED
    assert state("ended0", None).phase == Phase.UNKNOWN


def test_a_job_that_failed_after_its_run_was_published_did_well() -> None:
    run = raw.group(CAPTURED["deadline"]["job"]).run
    assert state("deadline", Facts(pointer={"run": run})).phase == Phase.PUBLISHED
    later = state("deadline", Facts(pointer=POINTER, complete=True))
    assert (later.phase, later.detail) == (Phase.PUBLISHED, "since replaced by cap-0000aaaa")


def test_a_run_at_work_has_its_stage_percent_and_time_left() -> None:
    host = CAPTURED["running"]["pods"][0]["metadata"]["name"]
    at = leased(host, stage="train", done=25, total=100, per_second=5.0, step=3)
    found = state("running", Facts(lease=at, train={"before": {"bits_per_byte": 3.5}}))
    assert (found.phase, found.stage, found.percent, found.left_s) == (Phase.RUNNING, "train", 25, 15)
    assert (found.attempts, found.before, found.after, found.node) == (3, 3.5, None, "node-0")
    assert state("running", Facts(lease=leased(host, age=900, stage="train"))).detail == "silent for 15 min"
    assert state("running", Facts(lease=leased("an-earlier-pod", stage="train"))).phase == Phase.STARTING
    assert state("running", None).phase == Phase.RUNNING
    released = dataclasses.replace(leased(host, stage="publish"), released=True)
    assert (state("running", Facts(lease=released)).phase, state("running", Facts(lease=released)).detail) == (
        Phase.RUNNING,
        "ending",
    )


def test_a_pod_that_was_told_to_stop_saves_its_work() -> None:
    pod = json.loads(json.dumps(CAPTURED["running"]["pods"][0]))
    pod["metadata"]["deletionTimestamp"] = "2026-11-25T17:52:59Z"
    assert state("running", pods=(pod,)).detail == "told to stop; it saves its work"


def test_the_reason_comes_from_the_store_where_the_pod_is_gone() -> None:
    record = {"host": "x", "ended": "t", "exit_code": 66, "reason": "@nobody is suspended", "stage": "scrape"}
    found = state("exit66", Facts(attempts=(record,)), pods=())
    assert (found.phase, found.detail, found.stage, found.code) == (Phase.FAILED, record["reason"], "scrape", 66)
    assert "PodFailurePolicy" in state("exit66", pods=()).detail


def test_a_job_that_is_gone_is_what_the_store_says() -> None:
    ended = {"host": "x", "ended": "t", "seconds": 5, "stage": "train"}
    published = gone(Facts(pointer=POINTER, train={"before": {"bits_per_byte": 3.0}}))
    assert (published.phase, published.before, published.after) == (Phase.PUBLISHED, 3.0, 2.0)
    assert gone(EMPTY).phase == Phase.CANCELLED
    assert gone(None).phase == Phase.UNKNOWN
    stopped = Facts(attempts=({**ended, "exit_code": 75, "reason": "stopped"},))
    assert (gone(stopped).phase, gone(stopped).stage) == (Phase.CANCELLED, "train")
    assert gone(Facts(attempts=({**ended, "exit_code": 65, "reason": "too few"},))).phase == Phase.FAILED
    other = {"run": "earlier-0000aaaa", "config": "0000aaaa11"}
    assert gone(Facts(pointer=other, attempts=({**ended, "exit_code": 0},))).phase == Phase.UNCHANGED
    assert gone(Facts(pointer=other)).phase == Phase.CANCELLED
    assert gone(Facts(lease=leased("pod", stage="train"))).phase == Phase.RUNNING
    assert gone(Facts(lease=leased("pod", age=200, stage="train"))).phase == Phase.CANCELLED


def test_kueue_that_waits_for_more_than_quota_says_for_what() -> None:
    workload = json.loads(json.dumps(CAPTURED["second"]["workload"]))
    raw.condition(workload, "QuotaReserved").update(status="True")  # type: ignore[attr-defined]
    workload["status"]["admissionChecks"] = [{"name": "nodes", "state": "Pending", "message": "asked for one"}]
    assert state("second", workload=workload).detail == "quota is reserved; waits for nodes (asked for one)"
    assert state("second", workload=None).detail.startswith("Kueue has not seen it yet in queue tiny")
    assert state("second", ahead=1200).detail.startswith("1,200 before it; ")


def test_a_pod_that_no_node_takes_is_stuck_only_where_it_holds_a_queue_s_quota() -> None:
    job = json.loads(json.dumps(CAPTURED["toobig"]["job"]))
    assert state("toobig").stuck_since is None
    job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = "bots"
    assert state("toobig", job=job).stuck_since is not None


def test_a_pod_that_may_not_be_made_says_why() -> None:
    found = state("overquota", refusal="exceeded quota: none")
    assert (found.phase, found.detail) == (Phase.SCHEDULING, "exceeded quota: none")


def test_of_several_nodes_the_one_that_is_stuck_is_told() -> None:
    job = json.loads(json.dumps(CAPTURED["running"]["job"]))
    job["spec"]["parallelism"] = 2
    found = state("running", job=job, pods=(*CAPTURED["running"]["pods"], *CAPTURED["noimage"]["pods"]))
    assert found.phase == Phase.PULLING
    assert found.detail.startswith("1 of 2 nodes: ErrImagePull")


def test_gpu_time_is_counted_from_the_node_to_the_end() -> None:
    pod = json.loads(json.dumps(CAPTURED["running"]["pods"][0]))
    pod["spec"]["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": "2"}}
    bound = raw.moment(raw.condition(pod, "PodScheduled")["lastTransitionTime"])
    assert bound
    job = json.loads(json.dumps(CAPTURED["running"]["job"]))
    job["spec"]["template"]["spec"]["containers"] = pod["spec"]["containers"]
    earlier = {"host": "an-earlier-pod", "ended": "t", "seconds": 50, "exit_code": 75}
    mine = {"host": pod["metadata"]["name"], "started": "t"}
    found = state("running", Facts(attempts=(earlier, mine)), job=job, pods=(pod,))
    assert found.gpu_seconds == 2 * (NOW - bound) + 2 * 50


def test_a_state_as_json_has_all_that_a_program_wants() -> None:
    found = state("exit66").as_json()
    assert json.loads(json.dumps(found))["phase"] == "failed"
    assert found["handles"] == ["exit66"]


def test_one_that_waits_here_to_be_sent_is_neither_cancelled_nor_asked_for() -> None:
    waiting = Seen(unsent=True)
    found = phases.state(Group("bot", "cap-0000aaaa", "bot-1"), waiting, None, NOW)
    assert (found.phase, found.detail) == (Phase.QUEUED, "waits here until others have ended (--max-in-flight)")
    assert phases.ask(waiting) is Ask.NOTHING


def test_one_that_nobody_began_may_be_yet_to_come() -> None:
    assert gone(EMPTY).detail == "no Job, and none has begun: not sent yet, or deleted before it ran"


def test_a_job_that_fetches_posts_has_states_of_its_own() -> None:
    def of(name: str) -> Seen:
        job = json.loads(json.dumps(CAPTURED[name]["job"]))
        job["metadata"]["labels"]["app.kubernetes.io/component"] = "scrape"
        return seen(name, job=job)

    group = Group("scrape-night-1", "", "scrape-night-1")
    for facts in (None, EMPTY):
        assert phases.state(group, of("ended0"), facts, NOW).phase == Phase.FETCHED
        assert phases.state(group, of("running"), facts, NOW).phase == Phase.RUNNING
        assert phases.state(group, of("exit66"), facts, NOW).detail == "@nobody is suspended"
    waits = phases.state(Group("bot", "cap-0000aaaa", "bot-1"), Seen(fetching=True), EMPTY, NOW)
    assert (waits.phase, waits.detail) == (Phase.QUEUED, "is sent when the batch's posts are fetched (--scrape-first)")


def test_a_bot_made_with_posts_that_were_taken_back_says_so() -> None:
    marked = {**POINTER, "taken_back": {"alice": "X has suspended @alice"}}
    of_run = Group("bot", "cap-0000aaaa", "bot-1")
    found = phases.state(of_run, Seen(), Facts(pointer=marked), NOW)
    assert (found.phase, found.detail) == (
        Phase.PUBLISHED,
        "made with posts that were taken back since: @alice: X has suspended @alice",
    )
    replaced = phases.state(of_run, Seen(), Facts(pointer={**marked, "run": "other-1"}, complete=True), NOW)
    assert replaced.detail == "since replaced by other-1"
    same = phases.state(Group("bot", "day-0000aaaa", "bot-1"), seen("ended0"), Facts(pointer=marked), NOW)
    assert (same.phase, "; made with posts that were taken back since: @alice" in same.detail) == (
        Phase.UNCHANGED,
        True,
    )
