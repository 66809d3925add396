"""States of real Jobs, Pods and Workloads; needs a cluster."""

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from k8s import look
from k8s import probe as probing
from k8s.board import Board, Wanted
from k8s.cluster import KubernetesCluster
from k8s.states import Facts, GroupState, Phase
from k8s.watch import Watch
from tests.k8s import real

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

WORD = """echo '{"code": 66, "reason": "@nobody is suspended", "stage": "scrape"}' > $HTCTL_TERMINATION_LOG; exit 66"""
TABLE = {
    "noimage": (real.job("noimage", image="registry.invalid/none:1"), Phase.PULLING, "registry.invalid/none:1"),
    "nosecret": (real.job("nosecret", secrets=["none"]), Phase.STARTING, 'secret "none" not found'),
    "toobig": (real.job("toobig", cpu="1000"), Phase.SCHEDULING, "Insufficient cpu"),
    "exit66": (real.job("exit66", WORD), Phase.FAILED, "@nobody is suspended"),
    "oom": (real.job("oom", "tail /dev/zero", memory="16Mi"), Phase.FAILED, "out of memory at its limit of 16Mi"),
    "paused": (real.job("paused", job={"suspend": True}), Phase.PAUSED, ""),
    "ended": (real.job("ended", "exit 0"), Phase.FAILED, "nothing was published"),
}


def nothing_known(wanted: Wanted) -> Mapping[str, Facts | None]:
    return {group.job: Facts() for group, _ in wanted}


def states(cluster: KubernetesCluster) -> dict[str, GroupState]:
    board = Board([], nothing_known)
    board.update(look.mirror(cluster, "real"))
    return {state.group.bot: state for state in board.states.values()}


def wait(cluster: KubernetesCluster, bot: str, phase: Phase, detail: str, seconds: float = 300) -> GroupState:
    until = time.monotonic() + seconds
    while True:
        state = states(cluster)[bot]
        if state.phase == phase and detail in state.detail:
            return state
        assert time.monotonic() < until, state
        time.sleep(0.5)


@pytest.fixture(scope="module")
def cluster() -> Iterator[KubernetesCluster]:
    with real.namespace() as found:
        for job, *_ in TABLE.values():
            found.create(job)
        yield found


@pytest.mark.parametrize("name", TABLE)
def test_a_real_job_s_state(cluster: KubernetesCluster, name: str) -> None:
    _, phase, detail = TABLE[name]
    wait(cluster, name, phase, detail)


def test_a_queue_that_is_full_a_job_that_makes_way_and_one_that_comes_back(cluster: KubernetesCluster) -> None:
    with real.tiny_queue(cluster.namespace) as priority:
        cluster.create(real.job("first", cpu="60m", queue="tiny"))
        wait(cluster, "first", Phase.STARTING, "on ")
        cluster.create(real.job("second", cpu="60m", queue="tiny"))
        wait(cluster, "second", Phase.QUEUED, "next in its queue; couldn't assign flavors")
        vip = real.job("vip", cpu="60m", queue="tiny")
        vip["metadata"]["labels"][real.PRIORITY] = priority
        cluster.create(vip)
        wait(cluster, "first", Phase.PREEMPTED, "made way for a workload of higher priority")
        wait(cluster, "vip", Phase.STARTING, "on ")  # one that goes before it was admitted, Kueue may not notice
        for bot in ("second", "vip"):
            cluster.delete("Job", states(cluster)[bot].group.job)
        wait(cluster, "first", Phase.STARTING, "on ")


def test_a_watch_follows_a_job_from_its_making_to_its_end(cluster: KubernetesCluster) -> None:
    watch, board, told = Watch(cluster, "real", print, tick=1), Board([], nothing_known), list[str]()
    threading.Timer(2, lambda: cluster.create(real.job("late", "exit 65"))).start()
    until = time.monotonic() + 60
    for changed in watch.changes():
        told += [state.phase for state in board.update(watch.mirror, changed) if state.group.bot == "late"]
        if told[-1:] == [Phase.FAILED]:
            break
        assert time.monotonic() < until, told
    watch.stop()
    assert told[0] in (Phase.SCHEDULING, Phase.STARTING)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"secrets": ["none"]}, 'starting: CreateContainerConfigError: secret "none" not found'),
        ({"image": "registry.invalid/none:1"}, "pulling: ImagePullBackOff"),
        ({"image": "Bad:Image:x"}, "pulling: InvalidImageName"),
        # An image without Python; the project's own, which has it, and no Secret with the store's keys.
        ({}, "no such file or directory|not found|not there|no credentials"),
    ],
    ids=["secret", "image", "name", "inside"],
)
def test_a_probe_that_cannot_do_well_says_why_and_is_gone(
    cluster: KubernetesCluster, given: dict[str, Any], said: str
) -> None:
    fate = probing.run(cluster, real.job("probed", **given), 60, print)
    assert not fate.well
    assert any(part in fate.said for part in said.split("|")), fate.said
    jobs = [job["metadata"] for job in cluster.list("Job", "app.kubernetes.io/component=probe").items]
    assert all("deletionTimestamp" in job for job in jobs)
