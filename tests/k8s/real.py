"""A namespace of a real cluster, and Jobs in it whose container runs a line of shell."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from k8s import cluster as clusters
from k8s import manifests, settings
from k8s.cluster import KubernetesCluster
from k8s.manifests import Manifest
from tests import factories

IMAGE = os.environ.get("HTCTL_TEST_IMAGE", "busybox:1")  # any with a shell
WAITS = "trap 'exit 75' TERM; sleep 600 & wait"
KUEUE = ("kueue.x-k8s.io", "v1beta1")
PRIORITY = "kueue.x-k8s.io/priority-class"


@contextlib.contextmanager
def namespace() -> Iterator[KubernetesCluster]:
    """A namespace of its own, gone afterwards with all that is in it."""
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("KUBECONFIG is not set: no cluster to ask")
    from kubernetes import client, config

    config.load_kube_config()
    name = f"htctl-test-{secrets.token_hex(3)}"
    client.CoreV1Api().create_namespace({"metadata": {"name": name}})
    try:
        yield clusters.connect(name)
    finally:
        client.CoreV1Api().delete_namespace(name)


@contextlib.contextmanager
def tiny_queue(name: str) -> Iterator[str]:
    """A LocalQueue `tiny` in a namespace, of a ClusterQueue with room for one Job of 60m; yields a higher priority."""
    from kubernetes import client

    asked = client.CustomObjectsApi()
    quota = [{"name": "cpu", "nominalQuota": "100m"}, {"name": "memory", "nominalQuota": "10Gi"}]
    flavor, priority = f"{name}-flavor", f"{name}-high"
    spec = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
        "preemption": {"withinClusterQueue": "LowerPriority"},
        "resourceGroups": [{"coveredResources": ["cpu", "memory"], "flavors": [{"name": flavor, "resources": quota}]}],
    }
    try:
        _make(asked, "ResourceFlavor", "resourceflavors", flavor, {"spec": {}})
    except client.ApiException as error:
        if error.status == 404:
            pytest.skip("there is no Kueue in this cluster")
        raise
    try:
        _make(asked, "ClusterQueue", "clusterqueues", name, {"spec": spec})
        _make(asked, "WorkloadPriorityClass", "workloadpriorityclasses", priority, {"value": 1000})
        local = {"apiVersion": "/".join(KUEUE), "kind": "LocalQueue", "metadata": {"name": "tiny"}}
        asked.create_namespaced_custom_object(*KUEUE, name, "localqueues", {**local, "spec": {"clusterQueue": name}})
        yield priority
    finally:
        every = {"clusterqueues": name, "resourceflavors": flavor, "workloadpriorityclasses": priority}
        for kind, each in every.items():
            with contextlib.suppress(client.ApiException):
                asked.delete_cluster_custom_object(*KUEUE, kind, each)


def _make(asked: Any, kind: str, plural: str, name: str, rest: dict[str, Any]) -> None:
    body = {"apiVersion": "/".join(KUEUE), "kind": kind, "metadata": {"name": name}, **rest}
    asked.create_cluster_custom_object(*KUEUE, plural, body)


def job(bot: str, shell: str = WAITS, **given: Any) -> Manifest:
    """A run's Job as it is sent, but for what its container does and how little it asks for."""
    memory, cpu = given.pop("memory", "64Mi"), given.pop("cpu", "10m")
    resources = {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}
    mine = {"name": "train", "command": ["sh", "-c", shell], "resources": resources}
    small: dict[str, Any] = {"shared_memory": "16Mi", "grace_seconds": 30, "backoff_limit": 0}
    pod = {"containers": [mine], "securityContext": {"runAsUser": 65532}}
    built = settings.build({"image": IMAGE, "pull_policy": "IfNotPresent", **small, **given, "pod": pod})
    run = factories.run_config(batch="real", store="s3://bots", handles=[bot], resources={"gpus": 0})
    return manifests.job(run, built)
