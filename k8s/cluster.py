"""The cluster: what htctl asks of it as a Protocol, and the real one over a connection."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from k8s import connection
from k8s.connection import Connection
from k8s.errors import ClusterError, GoneError
from k8s.manifests import Manifest

CORE, BATCH = "/api/v1/namespaces/{namespace}", "/apis/batch/v1/namespaces/{namespace}"
KUEUE = "/apis/kueue.x-k8s.io/v1beta1/namespaces/{namespace}"
PENDING = "/apis/visibility.kueue.x-k8s.io/v1beta1/namespaces/{namespace}"
PATHS = {
    "Job": f"{BATCH}/jobs",
    "Pod": f"{CORE}/pods",
    "Service": f"{CORE}/services",
    "Event": f"{CORE}/events",
    "Workload": f"{KUEUE}/workloads",
    "LocalQueue": f"{KUEUE}/localqueues",
    "ResourceQuota": f"{CORE}/resourcequotas",
    "PendingWorkloads": f"{PENDING}/localqueues/{{name}}/pendingworkloads",  # of a LocalQueue by name, in their order
}
PAGE = 500  # objects of a list in one answer: a server never has to hold 10,000 for us at once
SILENCE_S = 300  # a watch that has said nothing for so long is asked anew
MERGE = "application/merge-patch+json"


class Listed(NamedTuple):
    """The objects of a list, and the version from which a watch goes on."""

    items: list[Manifest]
    version: str


class Change(NamedTuple):
    """What a watch tells: ADDED, MODIFIED or DELETED, and the object as it is then."""

    what: str
    object: Manifest


class Cluster(Protocol):
    """What htctl asks of a cluster. A refusal is one of `k8s.errors`; `labels` is a selector as kubectl takes it."""

    namespace: str  # of objects that name none

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Make an object; returns its metadata. With `dry_run` have it checked and defaulted as if; returns all of it.

        Raises AlreadyThereError where its name is taken; a field that the cluster does not know is refused.
        """

    def get(self, kind: str, name: str) -> Manifest:
        """One object; NotThereError where there is none."""

    def list(self, kind: str, labels: str = "", fields: str = "") -> Listed:
        """All objects of a kind that match, in pages."""

    def heads(self, kind: str, labels: str = "") -> Listed:
        """The same list with nothing of each object but its metadata."""

    def names(self, kind: str, labels: str = "") -> set[str]:
        """The names of what it lists, the least that a server can be asked for."""

    def watch(self, kind: str, version: str, labels: str = "") -> Iterator[Change]:
        """What changes from `version` on, until the server ends the watch; GoneError: list anew."""

    def patch(self, kind: str, name: str, change: Mapping[str, Any]) -> Manifest:
        """Merge `change` into an object."""

    def delete(
        self, kind: str, name: str, *, uid: str = "", grace: int | None = None, foreground: bool = False
    ) -> None:
        """Delete an object and what it owns, in the background; with `uid` only that very one. Gone: NotThereError.

        `foreground`: the object itself is there until all that it owns is gone.
        """

    def logs(self, pod: str, container: str, *, follow: bool = False, previous: bool = False) -> Iterator[str]:
        """A container's lines."""

    def may(self, verb: str, group: str, resource: str) -> bool:
        """Whether these credentials may do so in the namespace (SelfSubjectAccessReview)."""


class KubernetesCluster:
    """A Cluster over the kubernetes client's connection and credentials; bodies go as they are."""

    def __init__(self, asked: Connection, namespace: str = "") -> None:
        self.namespace = namespace or asked.namespace
        self._asked = asked

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        query = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
        where = manifest["metadata"].get("namespace", "")
        accept = connection.JSON if dry_run else connection.HEAD  # a whole answer costs a server a fifth more
        return self._asked.ask("POST", self._path(manifest["kind"], namespace=where), query, manifest, accept=accept)

    def get(self, kind: str, name: str) -> Manifest:
        return self._asked.ask("GET", self._path(kind, name))

    def list(self, kind: str, labels: str = "", fields: str = "") -> Listed:
        return _listed(self._pages(kind, labels, fields, connection.JSON))

    def heads(self, kind: str, labels: str = "") -> Listed:
        return _listed(self._pages(kind, labels, "", connection.HEADS))

    def names(self, kind: str, labels: str = "") -> set[str]:
        pages = self._pages(kind, labels, "", connection.TABLE, includeObject="None")
        return {str(row["cells"][0]) for page in pages for row in page.get("rows") or []}  # NAME is the first column

    def _pages(self, kind: str, labels: str, fields: str, accept: str, **more: str) -> Sequence[Manifest]:
        pages = []
        query = {"limit": str(PAGE), "labelSelector": labels, "fieldSelector": fields, **more}
        while True:
            try:
                pages.append(self._asked.ask("GET", self._path(kind), query, accept=accept))
            except GoneError:  # the pages took longer than the server keeps their version
                pages, query = [], {**query, "continue": ""}
                continue
            query["continue"] = pages[-1]["metadata"].get("continue") or ""
            if not query["continue"]:
                return pages

    def watch(self, kind: str, version: str, labels: str = "") -> Iterator[Change]:
        query = {"watch": "true", "labelSelector": labels, "resourceVersion": version}
        for line in self._asked.lines(self._path(kind), query, SILENCE_S):
            told = json.loads(line)
            if told["type"] == "ERROR":
                status = told["object"]
                raised = GoneError if status.get("code") == 410 else ClusterError
                raise raised(f"{kind}: {status.get('message')}")
            yield Change(told["type"], told["object"])

    def patch(self, kind: str, name: str, change: Mapping[str, Any]) -> Manifest:
        return self._asked.ask("PATCH", self._path(kind, name), {}, change, kind=MERGE)

    def delete(
        self, kind: str, name: str, *, uid: str = "", grace: int | None = None, foreground: bool = False
    ) -> None:
        body: dict[str, Any] = {"propagationPolicy": "Foreground" if foreground else "Background"}
        body |= {"preconditions": {"uid": uid}} if uid else {}
        body |= {} if grace is None else {"gracePeriodSeconds": grace}
        self._asked.ask("DELETE", self._path(kind, name), {}, body)

    def logs(self, pod: str, container: str, *, follow: bool = False, previous: bool = False) -> Iterator[str]:
        query = {"container": container, "follow": str(follow).lower(), "previous": str(previous).lower()}
        for line in self._asked.lines(f"{self._path('Pod', pod)}/log", query, SILENCE_S if follow else 60):
            yield line.decode(errors="replace")

    def may(self, verb: str, group: str, resource: str) -> bool:
        kind, _, part = resource.partition("/")
        wanted = {"namespace": self.namespace, "verb": verb, "group": group, "resource": kind, "subresource": part}
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": wanted},
        }
        answer = self._asked.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {}, body)
        return bool(answer["status"].get("allowed"))

    def _path(self, kind: str, name: str = "", namespace: str = "") -> str:
        path = PATHS[kind].format(namespace=namespace or self.namespace, name=name)
        return f"{path}/{name}" if name and "{name}" not in PATHS[kind] else path


def _listed(pages: Sequence[Manifest]) -> Listed:
    items = [item for page in pages for item in page.get("items") or []]
    return Listed(items, pages[-1]["metadata"]["resourceVersion"])


def connect(namespace: str = "", context: str = "", patience: float = connection.PATIENCE_S) -> KubernetesCluster:
    """The cluster of kubectl's current context, or another; in its namespace, or another."""
    return KubernetesCluster(connection.connect(context, patience), namespace)
