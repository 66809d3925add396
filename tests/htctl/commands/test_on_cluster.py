"""The commands on a real cluster, in namespaces of their own; Jobs are suspended, or their image is not there."""

import base64
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s import cluster, connection, submit
from k8s.cluster import KubernetesCluster
from tests.htctl import webhooks
from tests.htctl.runner import Ran, htctl
from tests.k8s.apiserver import kubeconfig

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[3]
DEFAULT = "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION"
CORE, RBAC = "/api/v1/namespaces", "/apis/rbac.authorization.k8s.io/v1/namespaces"
TEXT = """\
batch: night
store: {store}
defaults:
  posts: posts.jsonl
  base_model: tiny
  resources: {{gpus: 0, cpu: 1, memory: 64Mi}}
  kubernetes:
    image: not-there
    pull_policy: Never
    grace_seconds: 30
    namespace: {namespace}
    job: {{suspend: true}}
    volumes: [{{name: s, mountPath: {store}, hostPath: {{path: {store}}}}}]
groups: [{groups}]
"""
RUNNING = "--set=kubernetes.job.suspend=false"


@pytest.fixture
def admin() -> connection.Connection:
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("KUBECONFIG is not set: no cluster to ask")
    return connection.connect()


@pytest.fixture
def real(admin: connection.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KubernetesCluster]:
    """A namespace of its own, and bots.yaml with three groups for it in the current folder."""
    name = f"htctl-test-{uuid.uuid4().hex[:8]}"
    admin.ask("POST", CORE, {}, {"metadata": {"name": name}})
    monkeypatch.delenv("HTCTL_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "posts.jsonl").write_text('{"text": "hello"}\n')
    groups("a", "b", "c", namespace=name)
    yield cluster.connect(name)
    admin.ask("DELETE", f"{CORE}/{name}")


def groups(*names: str, namespace: str) -> None:
    text = TEXT.format(store=Path("store").resolve(), namespace=namespace, groups=", ".join(names))
    Path("bots.yaml").write_text(text)


def say(command: str, *arguments: str) -> Ran:
    return htctl(command, "-f", "bots.yaml", *arguments)


def until(true: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def suspended(real: KubernetesCluster) -> list[bool]:
    return [job["spec"]["suspend"] for job in real.list("Job").items]


def test_submit_again_conflict_replace_and_cancel(real: KubernetesCluster) -> None:
    assert say("submit").err.startswith(
        "submitted 3, already there 0; the cluster has 3 of 3 Jobs of batch night in namespace "
    )
    assert say("submit").err.startswith(
        "submitted 0, already there 3; the cluster has 3 of 3 Jobs of batch night in namespace "
    )
    refused = say("submit", "--set=train.epochs=2", "--set=kubernetes.backoff_limit=1")
    assert refused.code == 1
    assert "train.epochs: 12 -> 2\n         spec.backoffLimit: 3 -> 1\n" in refused.err
    uids = {job["metadata"]["uid"] for job in real.list("Job").items}
    assert say("submit", "--set=train.epochs=2", "--replace").err.startswith("submitted 3, already there 0; ")
    assert not uids & {job["metadata"]["uid"] for job in real.list("Job").items}
    assert say("cancel", "a", "--yes").err == "cancelled 1 Job of batch night: a\n"
    assert len(submit.heads(real, "night")) == 2


def test_a_replaced_job_s_pods_are_gone_before_the_new_one_is_there(real: KubernetesCluster) -> None:
    assert say("submit", "a", RUNNING).code == 0
    until(lambda: real.list("Pod").items)
    assert say("submit", "a", "--replace").code == 0
    assert real.list("Pod").items == []


def test_a_submit_that_was_killed_is_completed_by_the_next(real: KubernetesCluster) -> None:
    groups(*(f"h{number}" for number in range(200)), namespace=real.namespace)
    process = subprocess.Popen([sys.executable, "-m", "htctl", "submit", "-f", "bots.yaml"])
    until(lambda: len(submit.heads(real, "night")) > 20)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(submit.heads(real, "night")) < 200
    ran = say("submit")
    assert (ran.code, "the cluster has 200 of 200 Jobs of batch night" in ran.err) == (0, True)


def test_a_dry_run_makes_nothing_and_finds_a_misspelt_field(real: KubernetesCluster) -> None:
    assert say("submit", "--dry-run=server").err.endswith("3 would be submitted; nothing was sent\n")
    ran = say("submit", "--dry-run=server", "--set=kubernetes.pod.hostNetwrok=true")
    assert (ran.code, 'unknown field "spec.template.spec.hostNetwrok"' in ran.err) == (1, True)
    assert real.list("Job").items == []


def test_a_name_that_something_else_has_is_told_and_the_others_are_sent(real: KubernetesCluster) -> None:
    (job,) = (item for item in yaml.safe_load_all(say("render", "a").out))
    job["metadata"] = {"name": job["metadata"]["name"], "labels": {"app": "other"}}
    real.create(job)
    ran = say("submit")
    assert (ran.code, "is not htctl's" in ran.err) == (1, True)
    assert "submitted 2, already there 0, refused 1; the cluster has 2 of 3" in ran.err


def test_a_quota_ends_it_with_what_was_sent(real: KubernetesCluster, admin: connection.Connection) -> None:
    groups(*(f"h{number}" for number in range(60)), namespace=real.namespace)
    quota = {"metadata": {"name": "few"}, "spec": {"hard": {"count/jobs.batch": "5"}}}
    admin.ask("POST", f"{CORE}/{real.namespace}/resourcequotas", {}, quota)
    until(lambda: real.get("ResourceQuota", "few").get("status", {}).get("hard"))
    ran = say("submit")
    assert (ran.code, "exceeded quota: few" in ran.err) == (1, True)
    assert "5 of 60 were sent; the same command again sends the rest" in ran.err


def test_a_webhook_that_refuses_is_one_line_and_nothing_is_written(
    real: KubernetesCluster, admin: connection.Connection, tmp_path: Path
) -> None:
    """The webhook is on this machine, so the API server must be too."""
    if urllib.parse.urlsplit(admin.host).hostname not in ("127.0.0.1", "localhost"):
        pytest.skip("the API server is another machine, which may not reach a webhook here")
    with webhooks.refusing(admin, real.namespace, "127.0.0.1", tmp_path):
        until(lambda: "Jobs need an owner label" in say("submit", "--dry-run=server").err)
        ran = say("submit")
    assert (ran.code, ran.err.count("\n"), ran.out) == (1, 1, "")
    assert "denied the request: Jobs need an owner label" in ran.err
    assert real.list("Job").items == []
    assert not Path("store").exists()


def test_pause_and_resume(real: KubernetesCluster) -> None:
    say("submit", RUNNING)
    assert say("pause").err == "paused 3 of 3 Jobs of batch night: a, b, c\n"
    assert suspended(real) == [True] * 3
    assert say("resume", "a").err == "resumed 1 of 1 Jobs of batch night: a\n"
    assert sorted(suspended(real)) == [False, True, True]


def test_pause_and_resume_in_a_queue(real: KubernetesCluster, admin: connection.Connection) -> None:
    try:
        (of_cluster, *_) = admin.ask("GET", "/apis/kueue.x-k8s.io/v1beta1/clusterqueues")["items"]
    except Exception:
        pytest.skip("the cluster has no Kueue with a ClusterQueue")
    queue = {
        "apiVersion": "kueue.x-k8s.io/v1beta1",
        "kind": "LocalQueue",
        "metadata": {"name": "mine"},
        "spec": {"clusterQueue": of_cluster["metadata"]["name"]},
    }
    admin.ask("POST", f"/apis/kueue.x-k8s.io/v1beta1/namespaces/{real.namespace}/localqueues", {}, queue)
    say("submit", "a", "--set=kubernetes.queue=mine", "--set=resources.gpus=1")
    until(lambda: suspended(real) == [False])
    assert say("pause").err == "paused 1 of 1 Jobs of batch night: a\n"
    until(lambda: suspended(real) == [True])
    time.sleep(3)
    assert suspended(real) == [True]
    assert "paused already" in say("pause").err
    assert say("resume").err == "resumed 1 of 1 Jobs of batch night: a\n"
    until(lambda: suspended(real) == [False])


def test_waiting_feeds_the_rest_and_retry_takes_what_failed(real: KubernetesCluster) -> None:
    most, ended = [0], threading.Event()

    def look() -> None:
        while not ended.is_set():
            going = [job for job in real.list("Job").items if not job.get("status", {}).get("conditions")]
            most.append(len(going))
            time.sleep(0.1)

    threading.Thread(target=look, daemon=True).start()
    failing = (RUNNING, "--set=kubernetes.job.activeDeadlineSeconds=1")
    ran = say("submit", *failing, "--wait", "--max-in-flight=1")
    ended.set()
    assert ran.code == 1
    totals, *failed = ran.out.splitlines()[-4:]
    assert totals == "batch night: 3 groups: 3 failed"
    assert [line.partition(" (")[0].split(", ")[0] for line in failed] == [
        f"{bot}: failed: stopped after 1 s" for bot in "abc"
    ]
    assert max(most) == 1
    assert "retried 2 of 2 groups: a, b" in say("retry", "a", "b", "--set=resources.memory=128Mi").err
    assert "retried 1 of 3 groups: c" in say("retry").err


def as_user(admin: connection.Connection, namespace: str, rules: list[Any]) -> str:
    """A kubeconfig of a service account that may do just so."""
    user = {"metadata": {"name": "user"}}
    role = {"metadata": {"name": "htctl"}, "rules": rules}
    bound = {
        "metadata": {"name": "htctl"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "htctl"},
        "subjects": [{"kind": "ServiceAccount", "name": "user", "namespace": namespace}],
    }
    admin.ask("POST", f"{CORE}/{namespace}/serviceaccounts", {}, user)
    admin.ask("POST", f"{RBAC}/{namespace}/roles", {}, role)
    admin.ask("POST", f"{RBAC}/{namespace}/rolebindings", {}, bound)
    path = f"{CORE}/{namespace}/serviceaccounts/user/token"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    token = admin.ask("POST", path, {}, asked)["status"]["token"]
    text = yaml.safe_load(kubeconfig(admin.host, namespace))
    text["users"][0]["user"]["token"] = token
    authority = Path(admin._client.configuration.ssl_ca_cert).read_bytes()
    text["clusters"][0]["cluster"]["certificate-authority-data"] = base64.b64encode(authority).decode()
    return yaml.safe_dump(text)


def take(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Be who the kubeconfig says."""
    Path("kubeconfig").write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(Path("kubeconfig").resolve()))
    monkeypatch.setattr(DEFAULT, str(Path("kubeconfig").resolve()))


def test_the_documented_role_is_enough_for_every_command(
    real: KubernetesCluster, admin: connection.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    (role,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/permissions.md").read_text(), re.DOTALL)
    take(monkeypatch, as_user(admin, real.namespace, yaml.safe_load(role)["rules"]))
    failing = (RUNNING, "--set=kubernetes.job.activeDeadlineSeconds=1")
    for expected, command in [
        (0, ["submit", "--dry-run=server"]),
        (0, ["submit", "--set=resources.nodes=2", "--set=train.batch_size=2"]),
        (0, ["submit", "--replace"]),
        (0, ["resume"]),
        (0, ["pause"]),
        (0, ["cancel", "--yes"]),
        (1, ["submit", "a", "--wait", *failing]),
        (1, ["status"]),
        (1, ["watch"]),
        (0, ["retry", "a"]),
        (0, ["submit", "b", "--set=kubernetes.queue=none"]),
        (0, ["pause", "b"]),
    ]:
        ran = say(*command)
        assert (ran.code, "forbidden" in ran.err) == (expected, False), ran.err
    assert "ok   permissions: all" in say("doctor").out
    assert "forbidden" not in say("doctor").out


def test_each_rule_of_the_role_is_needed(
    real: KubernetesCluster, admin: connection.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    none: list[Any] = [{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["list"]}]
    take(monkeypatch, as_user(admin, real.namespace, none))
    ran = say("submit")
    assert (ran.code, ran.err.count("\n"), "cannot create resource" in ran.err) == (1, 1, True)
    assert not Path("store").exists()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (lambda admin: ("token: nonsense", admin.host), "refuses the credentials of your kubeconfig (run out?)"),
        (lambda admin: ("token: x", "https://127.0.0.1:9"), "the cluster at https://127.0.0.1:9 gives no answer"),
    ],
)
def test_bad_credentials_and_no_cluster_are_one_line(
    real: KubernetesCluster,
    admin: connection.Connection,
    monkeypatch: pytest.MonkeyPatch,
    given: Callable[[Any], Any],
    says: str,
) -> None:
    monkeypatch.setattr(connection.connect, "__defaults__", ("", 1))
    user, host = given(admin)
    text = kubeconfig(host, real.namespace).replace("token: secret", user)
    take(monkeypatch, text.replace('server: "', 'insecure-skip-tls-verify: true, server: "'))
    ran = say("submit")
    assert (ran.code, ran.err.count("\n"), says in ran.err) == (1, 1, True), ran.err


def test_a_namespace_that_is_not_there_is_one_line(real: KubernetesCluster) -> None:
    groups("a", namespace="htctl-test-not-there")
    ran = say("submit")
    assert (ran.code, ran.err.count("\n"), "kubectl create namespace" in ran.err) == (1, 1, True)
    assert not Path("store").exists()
