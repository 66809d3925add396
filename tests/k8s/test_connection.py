import time
from pathlib import Path

import pytest
from kubernetes.config import incluster_config, kube_config

from k8s import connection
from k8s.errors import ClusterError, ForbiddenError, InvalidError, UnauthorizedError
from pipeline.errors import ConfigError
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


def test_a_server_that_has_never_answered_is_given_up_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_S", 0)
    dropped = (DROP, {}, "")
    with apiserver.running() as (state, cluster):
        state.script["POST"] = [dropped]
        with pytest.raises(ClusterError, match="gives no answer"):
            cluster.create(job())
        cluster.create(job("b"))
        state.script["POST"] = [dropped]
        cluster.create(job("c"))
        assert list(state.objects["Job"]) == ["b", "c"]


def test_the_server_is_told_who_asks_which_names_the_manager_of_its_fields() -> None:
    with apiserver.running() as (state, cluster):
        cluster.create(job())
        assert state.agent == "htctl"


def test_the_server_s_retry_after_is_kept_to() -> None:
    with apiserver.running() as (state, cluster):
        state.script["POST"] = [status(429, "slow down", wait="1")]
        started = time.monotonic()
        cluster.create(job())
        assert time.monotonic() - started >= 1


def test_a_server_that_stays_busy_is_given_up_with_what_it_said() -> None:
    with apiserver.running(patience=0.1) as (state, cluster):
        state.script["POST"] = [status(429, "slow down", wait="9")]
        with pytest.raises(ClusterError, match="bots/a: slow down"):
            cluster.create(job())


def test_a_server_that_was_away_has_time_to_find_its_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has just started says so of webhooks that are there: their time begins with the first such answer."""
    monkeypatch.setattr(connection, "WEBHOOK_S", 2)
    away, starting = status(503, "starting", wait="1"), status(500, 'failed calling webhook "w": not found')
    with apiserver.running() as (state, cluster):
        state.script["POST"] = [away, away, away, starting]
        cluster.create(job())
        assert list(state.objects["Job"]) == ["a"]
    with apiserver.running() as (state, cluster):
        state.script["POST"] = [starting] * 100
        with pytest.raises(ClusterError, match="failed calling webhook"):
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


def test_a_list_comes_in_pages_whole_as_heads_or_as_names() -> None:
    with apiserver.running() as (state, cluster):
        for number in range(1201):
            state.change("ADDED", "Job", job(f"j{number}"))
        assert len(cluster.list("Job").items) == 1201
        assert len(state.asked) == 3
        assert "spec" in cluster.list("Job").items[-1]
        assert "spec" not in cluster.heads("Job").items[-1]
        assert cluster.names("Job") == {f"j{number}" for number in range(1201)}


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


@pytest.mark.parametrize("text", ["a: [", "", "just text", "- a", "clusters: 5"])
def test_a_kubeconfig_that_is_none_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "config"))  # read when imported
    with pytest.raises(ConfigError, match=r"^no cluster: .*KUBECONFIG names another"):
        connection.connect()


def test_in_a_pod_without_a_kubeconfig_it_is_the_pod_s_own_cluster_and_namespace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("token", "ca.crt", "namespace"):
        (tmp_path / name).write_text(f"the {name}")
    monkeypatch.setattr(connection, "IN_A_POD", tmp_path / "namespace")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "198.51.100.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    found = connection.connect()
    assert (found.host, found.namespace) == ("https://198.51.100.1:443", "the namespace")
    assert found._client.configuration.auth_settings()["BearerToken"]["value"] == "bearer the token"
