"""A cluster and a batch file for tests of commands: the API server on a socket, found as kubectl finds one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from k8s.manifests import Manifest
from k8s.names import JOB
from tests.k8s import apiserver
from tests.k8s.apiserver import State

TEXT = """\
batch: night
store: {store}
defaults:
  posts: '{{handle}}.jsonl'
  base_model: tiny
  kubernetes:
    image: htctl
    volumes: [{{name: s, mountPath: {store}, hostPath: {{path: {store}}}}}]
groups: [alice, bob, alice+bob]
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[State]:
    """The server's state; the batch file is bots.yaml, here."""
    monkeypatch.delenv("HTCTL_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("k8s.removal.EVERY_S", 0.01)
    for handle in ("alice", "bob"):
        (tmp_path / f"{handle}.jsonl").write_text(f'{{"text": "{handle}"}}\n')
    (tmp_path / "bots.yaml").write_text(TEXT.format(store=tmp_path / "store"))
    with apiserver.running() as (state, _):
        (tmp_path / "kubeconfig").write_text(apiserver.kubeconfig(state.url))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
        yield state


def names(state: State) -> dict[str, str]:
    """The Jobs' names by bot."""
    return {job["metadata"]["annotations"]["htctl.dev/bot"]: name for name, job in state.objects["Job"].items()}


def not_pulled(job: Manifest) -> Manifest:
    """A Pod of a Job whose image has not come for long."""
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    bound = {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    owner = {"kind": "Job", "name": job["metadata"]["name"], "uid": job["metadata"]["uid"], "controller": True}
    return {
        "metadata": {
            "name": "pod",
            "labels": job["metadata"]["labels"] | {JOB: job["metadata"]["name"]},
            "ownerReferences": [owner],
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"nodeName": "node", "containers": []},
        "status": {
            "phase": "Pending",
            "conditions": [bound],
            "containerStatuses": [{"name": "train", "state": {"waiting": waiting}}],
        },
    }
