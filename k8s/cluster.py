"""The cluster: its verbs as a Protocol, and the real one. The only file that imports the Kubernetes client."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from k8s.manifests import Manifest
from pipeline.errors import ConfigError, HtctlError

PATHS = {"Job": "/apis/batch/v1/namespaces/{namespace}/jobs", "Service": "/api/v1/namespaces/{namespace}/services"}
TIMEOUT = (10, 60)  # seconds to connect, and to answer
IN_A_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class ClusterError(HtctlError):
    """The cluster cannot be asked, or refuses."""


class AlreadyThereError(ClusterError):
    """An object of that name exists."""


class Cluster(Protocol):
    """What htctl asks of a cluster."""

    namespace: str  # of objects that name none

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Make an object, or with `dry_run` have it checked and defaulted as if; returns it as the cluster has it.

        Raises AlreadyThereError where its name is taken, ClusterError where it is refused: a field that the
        cluster does not know is refused too.
        """


class KubernetesCluster:
    """A Cluster over the client's connection and credentials; bodies go as they are, without the client's models."""

    def __init__(self, client: Any, namespace: str) -> None:
        self.namespace = namespace
        self._client = client

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        where = manifest["metadata"].get("namespace", self.namespace)
        path = PATHS[manifest["kind"]].format(namespace=where)
        query = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
        status, answer = self._ask("POST", path, query, manifest)
        if status < 300:
            return answer
        raised = AlreadyThereError if answer.get("reason") == "AlreadyExists" else ClusterError
        raise raised(f"{where}/{manifest['metadata']['name']}: {answer.get('message') or f'HTTP {status}'}")

    def _ask(self, method: str, path: str, query: Mapping[str, str], body: Manifest) -> tuple[int, dict[str, Any]]:
        import urllib3

        # The client adds credentials here, renewed where they have run out.
        _, url, headers, *_ = self._client.param_serialize(
            method, path, query_params=list(query.items()), auth_settings=["BearerToken"]
        )
        headers = {**headers, "Content-Type": "application/json", "Accept": "application/json"}
        try:
            answer = self._client.rest_client.request(method, url, headers, body, _request_timeout=TIMEOUT)
            return answer.status, _object(answer.read())
        except urllib3.exceptions.HTTPError as error:
            reason = getattr(error, "reason", None) or error
            raise ClusterError(f"the cluster at {self._client.configuration.host} gives no answer: {reason}") from None


def connect(context: str = "") -> KubernetesCluster:
    """The cluster of kubectl's current context or another one; inside a Pod without a kubeconfig, its own."""
    from kubernetes import client, config

    configuration = client.Configuration()
    try:
        if not context and "KUBECONFIG" not in os.environ and IN_A_POD.exists():
            config.load_incluster_config(configuration)
            namespace = IN_A_POD.read_text(encoding="utf-8").strip()
        else:
            config.load_kube_config(context=context or None, client_configuration=configuration)
            namespace = _namespace(config.list_kube_config_contexts(), context)
    except (config.ConfigException, OSError) as error:
        raise ConfigError(f"no cluster: {error} (kubectl's configuration; KUBECONFIG names another)") from None
    return KubernetesCluster(client.ApiClient(configuration), namespace)


def _namespace(contexts: tuple[list[dict[str, Any]], dict[str, Any]], name: str) -> str:
    """The namespace of a context by name, or of the active one."""
    every, active = contexts
    chosen = next((context for context in every if context["name"] == name), active)
    return str(chosen["context"].get("namespace") or "default")


def _object(body: bytes) -> dict[str, Any]:
    """A JSON object; what a proxy answers instead becomes its message."""
    try:
        return dict(json.loads(body))
    except ValueError:
        return {"message": body.decode(errors="replace").strip()[:300]}
