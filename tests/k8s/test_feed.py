import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from k8s import feed, submit
from k8s.cluster import KubernetesCluster
from k8s.errors import ForbiddenError
from k8s.manifests import Manifest
from tests.k8s import apiserver
from tests.k8s.apiserver import DROP, State, status
from tests.k8s.test_submit import many

LABEL = "htctl.dev/batch=night"


@pytest.fixture
def running() -> Iterator[tuple[State, KubernetesCluster]]:
    with apiserver.running() as found:
        yield found


def sender(cluster: KubernetesCluster) -> Callable[[Sequence[Manifest]], list[str]]:
    return lambda some: [sent.name for sent in submit.send_all(cluster, some) if sent.what != submit.REFUSED]


def unfinished(state: State) -> list[str]:
    return [name for name, job in list(state.objects["Job"].items()) if "status" not in job]


def follow(cluster: KubernetesCluster, jobs: list[Manifest], waiting: list[Manifest], most: int, **given: Any) -> Any:
    names = [job["metadata"]["name"] for job in jobs]
    return feed.Feed(cluster, LABEL, names, waiting).follow(most, sender(cluster), **given)


def ending_all(state: State, count: int, most: int, seen: list[int]) -> threading.Thread:
    """Has Jobs end one by one, each when there are as many as may be, and notes how many were unfinished."""

    def work() -> None:
        ended = 0
        while ended < count:
            there = unfinished(state)
            seen.append(len(there))
            if len(there) >= min(most, count - ended):
                state.end(there[0])
                ended += 1
            time.sleep(0.002)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_never_more_than_so_many_are_unfinished_and_all_end(running: tuple[State, KubernetesCluster]) -> None:
    state, cluster = running
    jobs, seen = many(30), list[int]()
    thread = ending_all(state, 30, 4, seen)
    ended = follow(cluster, jobs, jobs, 4)
    thread.join()
    assert set(ended.values()) == {"complete"}
    assert len(ended) == 30
    assert max(seen) == 4
    assert not any(asked.startswith("GET") and asked.split("?")[0].count("/") > 6 for asked in state.asked)


def test_what_failed_and_what_was_deleted_is_told_apart(running: tuple[State, KubernetesCluster]) -> None:
    state, cluster = running
    jobs, told = many(3), list[str]()
    list(submit.send_all(cluster, jobs))
    first, second, third = (job["metadata"]["name"] for job in jobs)
    threading.Timer(0.1, lambda: state.end(first, "Failed")).start()
    threading.Timer(0.2, lambda: state.change("DELETED", "Job", state.objects["Job"][second])).start()
    threading.Timer(0.3, lambda: state.end(third)).start()
    ended = follow(cluster, jobs, [], 0, told=lambda change: told.append(change.what))
    assert ended == {first: "failed", second: "gone", third: "complete"}
    assert told[-3:] == ["MODIFIED", "DELETED", "MODIFIED"]


@pytest.mark.parametrize("answer", [status(410, "too old"), (DROP, {}, ""), status(500, "away")])
def test_a_watch_that_breaks_begins_with_a_new_list(
    running: tuple[State, KubernetesCluster], answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "PAUSE_S", 0.01)
    state, cluster = running
    jobs = many(2)
    list(submit.send_all(cluster, jobs))
    state.script["WATCH"] = [answer] * 3

    def end() -> None:
        while state.script["WATCH"]:
            time.sleep(0.01)
        for job in jobs:
            state.end(job["metadata"]["name"])

    threading.Thread(target=end, daemon=True).start()
    assert set(follow(cluster, jobs, [], 0).values()) == {"complete"}
    assert sum(asked.startswith("GET") for asked in state.asked) == 4


def test_a_job_that_went_while_nobody_watched_is_gone(running: tuple[State, KubernetesCluster]) -> None:
    _, cluster = running
    jobs = many(1)
    assert list(follow(cluster, jobs, [], 0).values()) == ["gone"]


def test_a_watch_that_is_forbidden_is_told(running: tuple[State, KubernetesCluster]) -> None:
    state, cluster = running
    state.script["WATCH"] = [status(403, "cannot watch jobs")]
    with pytest.raises(ForbiddenError, match="cannot watch jobs"):
        follow(cluster, many(1), many(1), 0)


def test_one_that_is_refused_is_not_waited_for(running: tuple[State, KubernetesCluster]) -> None:
    state, cluster = running
    jobs = many(2)
    state.script["POST"] = [status(422, "invalid")] * 2
    assert follow(cluster, jobs, jobs, 1) == {}


def test_a_job_that_went_unseen_makes_room(running: tuple[State, KubernetesCluster]) -> None:
    state, cluster = running
    jobs = many(2)
    first, second = (job["metadata"]["name"] for job in jobs)
    state.script["WATCH"] = [status(410, "too old")]

    def send(some: Sequence[Manifest]) -> list[str]:
        there = sender(cluster)(some)
        if first in there:
            del state.objects["Job"][first]
        else:
            state.end(second)
        return there

    ended: dict[str, str] = {}
    names = [first, second]
    thread = threading.Thread(
        target=lambda: ended.update(feed.Feed(cluster, LABEL, names, jobs).follow(1, send)), daemon=True
    )
    thread.start()
    thread.join(5)
    assert ended == {first: "gone", second: "complete"}
