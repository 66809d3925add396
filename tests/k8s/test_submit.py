from typing import Any

import pytest

from k8s import manifests, names, parallel, settings, submit
from k8s.errors import ClusterError, ConflictError, ForbiddenError, NotThereError, QuotaError, UnauthorizedError
from k8s.manifests import Manifest
from k8s.submit import CREATED, REFUSED, THERE
from tests import factories
from tests.k8s import apiserver
from tests.k8s.apiserver import DROP, status

IMAGE = {"image": "htctl:1"}


def batch(*handles: str, nodes: int = 1, **changes: Any) -> list[Manifest]:
    run = {"store": "s3://bots", "batch": "night", "resources": {"nodes": nodes}, **changes}
    of = settings.build(IMAGE)
    return list(manifests.objects((factories.run_config(handles=[handle], **run), of) for handle in handles))


def many(count: int) -> list[Manifest]:
    return batch(*(f"h{number}" for number in range(count)))


def present(*found: Manifest, **metadata: Any) -> dict[str, Manifest]:
    return {job["metadata"]["name"]: {"metadata": {**job["metadata"], **metadata}} for job in found}


def whats(sent: Any) -> list[str]:
    return sorted(one.what for one in sent)


def test_what_is_there_just_so_is_left_alone() -> None:
    a, b, c, d = batch("a", "b", "c", "d")
    (other,) = batch("b", train={"epochs": 9})
    plan = submit.plan([a, b, c, d], present(a, other) | present(c, deletionTimestamp="now"))
    assert plan == ([d], [a], [b], [c])


def test_a_batch_is_sent_once_however_often() -> None:
    with apiserver.running() as (state, cluster):
        jobs = many(80)
        assert whats(submit.send_all(cluster, jobs)) == [CREATED] * 80
        assert whats(submit.send_all(cluster, jobs)) == [THERE] * 80
        assert len(state.objects["Job"]) == 80
        assert 1 < state.most_at_once <= parallel.AT_ONCE


def test_the_service_that_nodes_share_goes_first_and_is_shared() -> None:
    with apiserver.running() as (state, cluster):
        list(submit.send_all(cluster, batch("a", nodes=2)))
        assert [asked.rpartition("/")[2].partition("?")[0] for asked in state.asked] == ["services", "jobs"]
        assert whats(submit.send_all(cluster, batch("b", nodes=2))) == [THERE, CREATED]


def test_a_job_that_another_made_otherwise_in_between_is_refused_with_what_differs() -> None:
    with apiserver.running() as (_, cluster):
        list(submit.send_all(cluster, batch("a", train={"epochs": 9})))
        (sent,) = submit.send_all(cluster, batch("a"))
        assert sent.what == REFUSED
        assert "train.epochs: 9 -> 4" in sent.problem


def test_a_name_that_is_not_htctl_s_is_refused_as_such() -> None:
    with apiserver.running() as (state, cluster):
        (job,) = batch("a")
        state.change("ADDED", "Job", {"metadata": {"name": job["metadata"]["name"]}})
        (sent,) = submit.send_all(cluster, [job])
        assert (sent.what, "is not htctl's" in sent.problem) == (REFUSED, True)


@pytest.mark.parametrize(("app", "what"), [(names.SERVICE, THERE), ("other", REFUSED)])
def test_the_service_that_nodes_share_may_be_the_chart_s(app: str, what: str) -> None:
    theirs = {"metadata": {"name": names.SERVICE, "labels": {names.MANAGER: "Helm"}}}
    with apiserver.running() as (state, cluster):
        state.change("ADDED", "Service", {**theirs, "spec": {"selector": {"htctl.dev/service": app}}})
        assert [sent.what for sent in submit.send_all(cluster, [manifests.service("")])] == [what]


def test_conflicts_are_told_a_few_by_name() -> None:
    with apiserver.running() as (_, cluster):
        changed = batch(*"abcde", train={"epochs": 9})
        list(submit.send_all(cluster, changed))
        with pytest.raises(ConflictError) as caught:
            submit.refuse_changed(cluster, batch(*"abcde"))
        assert str(caught.value).startswith("5 Jobs are there with another config")
        assert str(caught.value).count("train.epochs: 9 -> 4") == 3
        assert str(caught.value).endswith("and 2 more")


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (status(401, "Unauthorized"), UnauthorizedError),
        (status(403, "User x cannot create jobs"), ForbiddenError),
        (status(404, 'namespaces "bots" not found'), NotThereError),
        (status(403, "exceeded quota: few"), QuotaError),
        (status(400, 'admission webhook "w" denied the request: no'), ForbiddenError),
    ],
)
def test_an_answer_that_speaks_for_all_ends_it(answer: tuple[int, Any, str], raised: type[ClusterError]) -> None:
    with apiserver.running() as (state, cluster):
        state.script["POST"] = [answer] * 1000
        with pytest.raises(raised):
            list(submit.send_all(cluster, many(1000)))
        assert len(state.asked) <= 32


def test_a_webhook_that_is_away_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("k8s.connection.WEBHOOK_S", 0.1)
    with apiserver.running(patience=60) as (state, cluster):
        state.script["POST"] = [status(500, 'failed calling webhook "w": connection refused')] * 1000
        with pytest.raises(ClusterError, match="failed calling webhook"):
            list(submit.send_all(cluster, many(100)))


def test_an_object_that_alone_is_refused_keeps_none_of_the_others_back() -> None:
    with apiserver.running() as (state, cluster):
        state.script["POST"] = [status(422, "spec.x: Invalid value")]
        assert whats(submit.send_all(cluster, many(20))) == [CREATED] * 19 + [REFUSED]


def test_drops_and_busy_answers_lose_no_job() -> None:
    with apiserver.running(patience=60) as (state, cluster):
        state.script["POST"] = [(DROP, {}, ""), status(429, "busy", wait="0"), status(500, "etcd")] * 5
        assert whats(submit.send_all(cluster, many(50))) == [CREATED] * 50


def test_a_dry_run_makes_nothing() -> None:
    with apiserver.running() as (state, cluster):
        assert whats(submit.send_all(cluster, many(3), dry_run=True)) == [CREATED] * 3
        assert state.objects["Job"] == {}
