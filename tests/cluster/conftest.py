"""A namespace of the cluster that KUBECONFIG names, with an S3 server beside it, for all tests here; gone after them.

KUBECONFIG           the cluster
HTCTL_IMAGE          the project's image as its nodes know it (`make image` builds one)
HTCTL_CLUSTER_S3     an address of this machine that Pods reach, where an S3 server is started for the tests;
                     or a store that both reach, s3://..., with its keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
"""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from k8s.cluster import KubernetesCluster
from k8s.connection import Connection
from k8s.errors import ClusterError
from tests import conftest, factories, s3server
from tests.cluster import namespaces, scene, sixgroups
from tests.cluster.scene import Scene

HERE = Path(__file__).parent
TEST_CLUSTER = "198.19.255.1"  # where the Pods of a test cluster on this machine reach it


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.cluster)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def image() -> str:
    scene.needs(os.environ.get("KUBECONFIG"), "KUBECONFIG is not set: no cluster to run on")
    scene.needs(
        os.environ.get("HTCTL_IMAGE"), "HTCTL_IMAGE is not set: make image, load it into the cluster, say its name"
    )
    return os.environ["HTCTL_IMAGE"]


@pytest.fixture(scope="session")
def s3_beside(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3server.Server | None]:
    """An S3 server that this machine and the Pods reach; None where HTCTL_CLUSTER_S3 names a store."""
    given = os.environ.get("HTCTL_CLUSTER_S3", "")
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        if given.startswith("s3://"):
            yield None
            return
        scene.needs(given or is_ours(TEST_CLUSTER), "HTCTL_CLUSTER_S3 is not set: no address that Pods reach us at")
        patch.setenv(namespaces.KEYS[0], s3server.KEY)
        patch.setenv(namespaces.KEYS[1], s3server.SECRET)
        server = s3server.Server(tmp_path_factory.mktemp("s3-beside"), given or TEST_CLUSTER)
        server.start()
        stack.callback(server.kill)
        yield server


@pytest.fixture(scope="session")
def namespace(s3_beside: s3server.Server | None) -> Iterator[Connection]:
    """A namespace with the Secret of the store's keys, as a connection to it; all in it goes with it."""
    with namespaces.made() as asked:
        yield asked


@pytest.fixture
def stage(namespace: Connection, image: str, s3_beside: s3server.Server | None, tmp_path: Path) -> Scene:
    """A store of its own in the namespace that all share."""
    prefix = f"{namespace.namespace}/{scene.batchfile_name(tmp_path)}"
    given = os.environ.get("HTCTL_CLUSTER_S3", "").partition("?")
    address = s3_beside.address(prefix) if s3_beside else f"{given[0].rstrip('/')}/{prefix}{given[1]}{given[2]}"
    return Scene(KubernetesCluster(namespace, namespace.namespace), namespace, image, address, s3_beside)


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The SHA-256 of the weights of `scene.a_bot`, made here without a cluster."""
    folder = tmp_path_factory.mktemp("unbroken")
    made = conftest.make_run(folder, {"alice": factories.sentences(240)}, scene.a_bot_settings())
    assert made.process.returncode == 0, made.process.stderr
    return scene.weights(made.store, made.keys)


@pytest.fixture(scope="session")
def six_here(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, sixgroups.Made]:
    """The bots of the six groups, made here without a cluster."""
    made = sixgroups.here(shared, tmp_path_factory.mktemp("six"))
    assert made.keys() == sixgroups.bots()
    return made


QUEUE = {"apiVersion": "kueue.x-k8s.io/v1beta1"}
KUEUE = "/apis/kueue.x-k8s.io/v1beta1"


@pytest.fixture(scope="session")
def queue(namespace: Connection) -> Iterator[str]:
    """A queue of Kueue with room for two of `scene.SMALL_POD` at once, and a class `NAME-high` before it; skips."""
    try:
        namespace.ask("GET", KUEUE)
    except ClusterError:
        pytest.skip("the cluster has no Kueue")
    name = namespace.namespace
    objects: dict[str, Any] = {
        f"{KUEUE}/resourceflavors": {"kind": "ResourceFlavor"},
        f"{KUEUE}/clusterqueues": {"kind": "ClusterQueue", "spec": _room(name)},
        f"{KUEUE}/workloadpriorityclasses": {"kind": "WorkloadPriorityClass", "value": 1000, "description": "high"},
        f"{KUEUE}/namespaces/{name}/localqueues": {"kind": "LocalQueue", "spec": {"clusterQueue": name}},
    }
    for path, body in objects.items():
        namespace.ask("POST", path, body={**QUEUE, **body, "metadata": {"name": name}})
    yield name
    for path in reversed(objects):
        namespace.ask("DELETE", f"{path}/{name}")


def _room(flavor: str) -> dict[str, Any]:
    quotas = [{"name": "cpu", "nominalQuota": "200m"}, {"name": "memory", "nominalQuota": "2Gi"}]
    group = {"coveredResources": ["cpu", "memory"], "flavors": [{"name": flavor, "resources": quotas}]}
    return {
        "namespaceSelector": {},
        "preemption": {"withinClusterQueue": "LowerPriority"},
        "resourceGroups": [group],
    }


def is_ours(address: str) -> bool:
    """Whether an address is this machine's."""
    with contextlib.suppress(OSError), socket.socket() as bound:
        bound.bind((address, 0))
        return True
    return False
