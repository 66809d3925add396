import time

import pytest

from k8s.errors import ClusterError, ForbiddenError, InvalidError, UnauthorizedError
from tests.k8s import apiserver
from tests.k8s.apiserver import DROP, status


def job(name: str = "a") -> dict[str, object]:
    return {"kind": "Job", "metadata": {"name": name}, "spec": {}}


@pytest.mark.parametrize(
    "answer",
    [status(429, "slow down"), status(500, "etcd is away"), status(503, "starting"), (DROP, {}, "")],
    ids=["429", "500", "503", "dropped"],
)
def test_a_busy_server_or_a_dropped_connection_is_asked_again(answer: tuple[int, dict[str, object], str]) -> None:
    with apiserver.running() as (state, cluster):
        state.script["POST"] = [answer]
        cluster.create(job())
        assert [asked.split()[0] for asked in state.asked] == ["POST", "POST"]
        assert list(state.objects["Job"]) == ["a"]


def test_the_server_s_retry_after_is_kept_to() -> None:
    with apiserver.running() as (state, cluster):
        state.script["POST"] = [status(429, "slow down", wait="1")]
        started = time.monotonic()
        cluster.create(job())
        assert 1 <= time.monotonic() - started < 1.5


def test_a_server_that_stays_busy_is_given_up_with_what_it_said() -> None:
    with apiserver.running(patience=0.1) as (state, cluster):
        state.script["POST"] = [status(429, "slow down", wait="9")]
        with pytest.raises(ClusterError, match="bots/a: slow down"):
            cluster.create(job())


@pytest.mark.parametrize(
    ("answer", "raised", "says"),
    [
        (status(401, "Unauthorized"), UnauthorizedError, "log in again"),
        (status(403, "jobs is forbidden"), ForbiddenError, "jobs is forbidden"),
        (status(422, "spec.x: Invalid value"), InvalidError, "spec.x: Invalid value"),
    ],
)
def test_a_refusal_is_not_asked_again(
    answer: tuple[int, dict[str, object], str], raised: type[ClusterError], says: str
) -> None:
    with apiserver.running() as (state, cluster):
        state.script["POST"] = [answer]
        with pytest.raises(raised, match=says):
            cluster.create(job())
        assert len(state.asked) == 1


def test_a_list_comes_in_pages_whole_or_as_heads() -> None:
    with apiserver.running() as (state, cluster):
        for number in range(1201):
            state.change("ADDED", "Job", job(f"j{number}"))
        assert len(cluster.list("Job").items) == 1201
        assert len(state.asked) == 3
        assert "spec" in cluster.list("Job").items[-1]
        assert "spec" not in cluster.heads("Job").items[-1]


def test_a_list_whose_pages_have_gone_is_begun_anew() -> None:
    with apiserver.running() as (state, cluster):
        state.change("ADDED", "Job", job())
        state.script["GET"] = [status(410, "too old", "Expired")]
        assert len(cluster.list("Job").items) == 1


def test_a_watch_that_cannot_begin_is_one_line() -> None:
    with apiserver.running() as (state, cluster):
        state.script["WATCH"] = [(DROP, {}, "")]
        with pytest.raises(ClusterError, match="gives no answer"):
            next(cluster.watch("Job", "0"))
