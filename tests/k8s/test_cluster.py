import os
from collections.abc import Iterator
from typing import Any

import pytest

from k8s import cluster, connection, manifests, settings
from k8s.cluster import KubernetesCluster
from k8s.errors import AlreadyThereError, ClusterError, NotThereError
from pipeline.errors import ConfigError
from tests import factories
from tests.k8s.test_manifests import FULL, PLAIN

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: one
contexts:
- {name: one, context: {cluster: c, user: u, namespace: bots}}
- {name: two, context: {cluster: c, user: u}}
clusters: [{name: c, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: u, user: {token: secret}}]
"""
IN_NAMESPACE = {**FULL, "namespace": "default", "service_account": "default", "priority_class": ""}
IN_NAMESPACE |= {"pod": {"containers": [{"name": "train", "resources": {"limits": {"cpu": "8"}}}]}}


@pytest.fixture
def kubeconfig(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(KUBECONFIG)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "config"))


@pytest.fixture(scope="module")
def real() -> Iterator[KubernetesCluster]:
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("KUBECONFIG is not set: no cluster to ask")
    yield cluster.connect()


def a_job(given: Any = PLAIN, **changes: Any) -> Any:
    return manifests.job(factories.run_config(**{"store": "s3://bots", **changes}), settings.build(given))


def contains(whole: Any, part: Any) -> bool:
    """Whether every value of `part` is in `whole` too, at its place."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(contains(whole.get(key), value) for key, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(contains, whole, part))
    return bool(whole == part)


def test_the_namespace_is_the_context_s(kubeconfig: None) -> None:
    assert cluster.connect().namespace == "bots"
    assert connection.connect("two").namespace == "default"


def test_a_context_that_is_not_there_is_one_line(kubeconfig: None) -> None:
    with pytest.raises(ConfigError, match=r"no cluster: .*three"):
        connection.connect("three")


def test_a_cluster_that_gives_no_answer_is_one_line(kubeconfig: None) -> None:
    with pytest.raises(ClusterError, match=r"^the cluster at http://127.0.0.1:9 gives no answer: .*refused"):
        KubernetesCluster(connection.connect(patience=0)).create(a_job())


@pytest.mark.cluster
@pytest.mark.parametrize("given", [PLAIN, IN_NAMESPACE], ids=["plain", "full"])
@pytest.mark.parametrize("nodes", [1, 2])
def test_the_server_takes_every_object_as_it_is(real: KubernetesCluster, given: Any, nodes: int) -> None:
    run = factories.run_config(store="s3://bots", resources={"nodes": nodes})
    for manifest in manifests.objects([(run, settings.build(given))]):
        try:
            assert contains(real.create(manifest, dry_run=True), manifest)
        except AlreadyThereError:
            assert manifest["kind"] == "Service"  # which runs share


@pytest.mark.cluster
def test_a_field_that_nobody_knows_is_refused(real: KubernetesCluster) -> None:
    manifest = a_job({**PLAIN, "pod": {"restartPolice": "Never"}})
    with pytest.raises(ClusterError, match=r'unknown field "spec.template.spec.restartPolice"'):
        real.create(manifest, dry_run=True)


@pytest.mark.cluster
def test_a_name_that_is_taken_is_told_apart(real: KubernetesCluster) -> None:
    manifest = manifests.service("default")
    manifest["metadata"]["name"] = "kubernetes"  # every cluster has it
    with pytest.raises(AlreadyThereError, match="already exists"):
        real.create(manifest, dry_run=True)


@pytest.mark.cluster
def test_every_verb_on_a_real_cluster(real: KubernetesCluster) -> None:
    manifest = a_job({**PLAIN, "job": {"suspend": True}}, batch="verbs")
    name, labels = manifest["metadata"]["name"], "htctl.dev/batch=verbs"
    before = real.list("Job", labels)
    assert before.items == []
    made = real.create(manifest)
    assert "spec" not in made
    assert real.get("Job", name)["metadata"]["uid"] == made["metadata"]["uid"]
    assert [job["metadata"]["name"] for job in real.list("Job", labels).items] == [name]
    real.patch("Job", name, {"metadata": {"annotations": {"htctl.dev/note": "patched"}}})
    real.delete("Job", name, uid=made["metadata"]["uid"])
    seen = []
    for change in real.watch("Job", before.version, labels):
        seen.append((change.what, change.object["metadata"]["annotations"].get("htctl.dev/note")))
        if change.what == "DELETED":
            break
    assert seen[0] == ("ADDED", None)
    assert seen[-1] == ("DELETED", "patched")
    with pytest.raises(NotThereError, match=f"{name}"):
        real.get("Job", name)
    assert real.may("create", "batch", "jobs")
