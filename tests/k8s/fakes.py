"""A cluster of plain dictionaries that keeps the Protocol: what it is told to answer, and how its watches end."""

from collections.abc import Iterator, Mapping
from typing import Any

from k8s.cluster import Change, Listed
from k8s.errors import ClusterError, ForbiddenError, NotThereError
from k8s.manifests import Manifest


class FakeCluster:
    """Objects by kind; `watches` are scripts, one for each watch of a kind: changes, an error, or its silent end.

    A change in a script is made in the cluster too when it is told, so that a later list has it. With `unseen`
    changes are made while no watch is open.
    """

    namespace = "bots"

    def __init__(self, **objects: list[Manifest]) -> None:
        self.objects: dict[str, dict[str, Manifest]] = {
            kind: {each["metadata"]["name"]: each for each in items} for kind, items in objects.items()
        }
        self.watches: dict[str, list[list[Change | ClusterError | None]]] = {}
        self.asked: list[tuple[str, str]] = []  # verb and kind, in order
        self.forbidden: set[str] = set()
        self.pod_logs: dict[str, list[str]] = {}

    def change(self, kind: str, what: str, thing: Manifest) -> None:
        """Make a change of which no watch tells."""
        if what == "DELETED":
            self.objects.setdefault(kind, {}).pop(thing["metadata"]["name"], None)
        else:
            self.objects.setdefault(kind, {})[thing["metadata"]["name"]] = thing

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        made = {**manifest, "metadata": {"uid": f"uid-{manifest['metadata']['name']}", **manifest["metadata"]}}
        if not dry_run:
            self.change(manifest["kind"], "ADDED", made)
        return made

    def get(self, kind: str, name: str) -> Manifest:
        self.asked.append(("get", kind))
        if name not in self.objects.get(kind, {}):
            raise NotThereError(f"{kind} {name}: not found")
        return self.objects[kind][name]

    def list(self, kind: str, labels: str = "", fields: str = "") -> Listed:
        self.asked.append(("list", kind))
        if kind in self.forbidden:
            raise ForbiddenError(f"{kind}: not allowed")
        if kind not in self.objects:
            raise NotThereError(f"{kind}: no such kind")
        return Listed(list(self.objects[kind].values()), "1")

    def watch(self, kind: str, version: str, labels: str = "") -> Iterator[Change]:
        self.asked.append(("watch", kind))
        scripts = self.watches.get(kind) or [[]]
        for step in scripts.pop(0):
            if isinstance(step, ClusterError):
                raise step
            if step is None:
                return
            self.change(kind, step.what, step.object)
            yield step

    def patch(self, kind: str, name: str, change: Mapping[str, Any]) -> Manifest:
        raise NotImplementedError

    def delete(
        self, kind: str, name: str, *, uid: str = "", grace: int | None = None, foreground: bool = False
    ) -> None:
        self.asked.append(("delete", kind))
        found = self.objects[kind].pop(name)
        assert uid in ("", found["metadata"]["uid"])

    def logs(self, pod: str, container: str, *, follow: bool = False, previous: bool = False) -> Iterator[str]:
        if pod not in self.pod_logs:
            raise NotThereError(f"{pod}: not found")
        return iter(self.pod_logs[pod])

    def may(self, verb: str, group: str, resource: str) -> bool:
        return resource not in self.forbidden


def job(name: str, uid: str = "", **spec: Any) -> Manifest:
    """A Job of a group as the API server has it."""
    notes = {"htctl.dev/bot": name, "htctl.dev/run": f"test-{name}", "htctl.dev/handles": name}
    template = {"spec": {"containers": [{"name": "train", "image": "htctl:1"}]}}
    about = {"name": name, "uid": uid or f"uid-{name}", "creationTimestamp": "2026-11-25T17:00:00Z"}
    return {
        "kind": "Job",
        "metadata": {**about, "annotations": notes, "labels": {}},
        "spec": {"template": template, **spec},
        "status": {},
    }


def pod(of: str, phase: str = "Running", name: str = "", **status: Any) -> Manifest:
    """A Pod of a Job, on a node."""
    owner = {"kind": "Job", "name": of, "uid": f"uid-{of}", "controller": True}
    about = {"name": name or f"{of}-pod", "creationTimestamp": "2026-11-25T17:00:01Z", "ownerReferences": [owner]}
    bound = {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-11-25T17:00:01Z"}
    spec = {"nodeName": "node-0", "containers": [{"name": "train", "image": "htctl:1"}]}
    return {"kind": "Pod", "metadata": about, "spec": spec, "status": {"phase": phase, "conditions": [bound], **status}}


def ended(thing: Manifest, kind: str = "Complete", **more: str) -> Manifest:
    """The same Job with a condition that ends it."""
    return {**thing, "status": {"conditions": [{"type": kind, "status": "True", **more}]}}
