"""The chart's Role: every command works with it, and every verb of it is used by one, as the API server's log tells.

HTCTL_AUDIT_LOG      the API server's audit log (JSON lines, level Metadata or more), where it can be read here
"""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from k8s import names
from k8s.connection import Connection
from tests import factories, s3server
from tests.cluster import namespaces, scene, sixgroups
from tests.cluster import release as releases
from tests.cluster.release import Release
from tests.cluster.scene import Scene
from tests.k8s.apiserver import kubeconfig

ACCOUNT = "night-htctl-submitter"
RUNS, PAUSED = "--set=kubernetes.job.suspend=false", "--set=kubernetes.job.suspend=true"
# How each command ends on a batch of two groups, alice and bob, whose Jobs are suspended.
PLAIN = [
    (0, ["submit", "--dry-run=server"]),
    (0, ["submit", "--set=resources.nodes=2"]),
    (0, ["submit", "--set=resources.nodes=2"]),
    (1, ["submit", "--set=train.epochs=9"]),
    (0, ["submit", "--replace"]),
    (0, ["resume"]),
    (0, ["logs", "alice"]),
    (0, ["pause"]),
    (0, ["cancel", "--yes"]),
    (1, ["submit", "alice", "--wait", RUNS, "--set=kubernetes.job.activeDeadlineSeconds=1"]),
    (1, ["status"]),
    (1, ["watch"]),
    (0, ["retry", "alice", PAUSED]),
    (0, ["cancel", "--yes"]),
    (0, ["submit", "bob", RUNS, "--set=kubernetes.pod.hostNetwork=true"]),  # no Pod comes of it: events say why
    (0, ["status"]),
    (0, ["cancel", "--yes"]),
    (0, ["doctor"]),
]
# The same in a queue that has no room for it.
QUEUED = [
    (0, ["submit", "bob"]),
    (0, ["status"]),
    (0, ["pause", "bob"]),
    (0, ["resume", "bob"]),
    (0, ["doctor"]),
    (0, ["cancel", "--yes"]),
]


class Right(NamedTuple):
    """A verb on a resource."""

    group: str
    resource: str
    verb: str


@pytest.fixture
def audit() -> Path:
    given = os.environ.get("HTCTL_AUDIT_LOG", "")
    scene.needs(given and Path(given).exists(), "HTCTL_AUDIT_LOG is not set: no log of the API server to read")
    return Path(given)


@pytest.fixture
def own(image: str, s3_beside: s3server.Server | None) -> Iterator[Connection]:
    with namespaces.made(releases.RESTRICTED) as asked:
        yield asked


def become(asked: Connection, folder: Path) -> Path:
    """A kubeconfig of the release's submitter."""
    path = f"/api/v1/namespaces/{asked.namespace}/serviceaccounts/{ACCOUNT}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    text = yaml.safe_load(kubeconfig(asked.host, asked.namespace))
    text["users"][0]["user"]["token"] = asked.ask("POST", path, body=body)["status"]["token"]
    authority = Path(asked._client.configuration.ssl_ca_cert).read_bytes()
    text["clusters"][0]["cluster"]["certificate-authority-data"] = base64.b64encode(authority).decode()
    (folder / "kubeconfig").write_text(yaml.safe_dump(text))
    return folder / "kubeconfig"


def granted(rules: list[dict[str, Any]]) -> set[Right]:
    return {
        Right(group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(audit: Path, namespace: str) -> tuple[set[Right], set[Right]]:
    """What the account asked for in its namespace and got, and what it was refused."""
    got, refused = set(), set()
    for line in audit.read_text(encoding="utf-8").splitlines():
        said = json.loads(line)
        what = said.get("objectRef", {})
        if said["user"]["username"] != f"system:serviceaccount:{namespace}:{ACCOUNT}" or "namespace" not in what:
            continue
        part = f"/{what['subresource']}" if "subresource" in what else ""
        right = Right(what.get("apiGroup", ""), what["resource"] + part, said["verb"])
        (refused if said.get("responseStatus", {}).get("code") == 403 else got).add(right)
    return got, refused


def ask(release: Release, file: Path, expected: int, command: list[str]) -> None:
    """One command, and how it ends."""
    if command[0] == "logs":
        scene.until("alice's Pod has a log", lambda: has_log(release, command[1]))
    ran = sixgroups.htctl(command[0], "-f", str(file), *command[1:])
    assert ran.returncode == expected, (command, ran.stderr, ran.stdout)


def has_log(release: Release, bot: str) -> bool:
    pods = release.cluster.list("Pod", names.BATCH).items
    running = [pod for pod in pods if pod["status"]["phase"] == "Running"]
    ours = [pod["metadata"]["name"] for pod in running if pod["metadata"]["annotations"][names.BOT] == bot]
    return any(line for name in ours for line in release.cluster.logs(name, names.CONTAINER))


def batch(stage: Scene, folder: Path, **kubernetes: Any) -> Path:
    """A batch file of two groups, which the cluster could start at once."""
    folder.mkdir()
    texts = {name: factories.sentences(60, f"{name} ") for name in ("alice", "bob")}
    posts = {name: factories.write_posts(folder / f"{name}.jsonl", said) for name, said in texts.items()}
    return stage.batch(folder, posts, ["alice", "bob"], **scene.a_bot_settings(), kubernetes=kubernetes)


def test_every_command_works_with_the_role_and_every_verb_of_it_is_used(
    own: Connection, image: str, stage: Scene, queue: str, audit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = Release(own, image, stage.address, releases.needs_helm()[0], tmp_path)
    release.values = releases.values(image, stage.address)
    release.values["queue"] = {"create": True, "name": "ours", "clusterQueue": queue}
    release.put()
    where = {"namespace": own.namespace}
    plain = batch(stage, tmp_path / "plain", **where, job={"suspend": True})
    no_room = {"containers": [{"name": names.CONTAINER, "resources": {"requests": {"cpu": "50"}}}]}
    queued = batch(stage, tmp_path / "queued", **where, queue="ours", pod=no_room)
    monkeypatch.setenv("KUBECONFIG", str(become(own, tmp_path)))
    for file, commands in ((plain, PLAIN), (queued, QUEUED)):
        for expected, command in commands:
            ask(release, file, expected, command)
    (role,) = own.ask("GET", f"{releases.RBAC.format(own.namespace)}/roles")["items"]
    got, refused = used(audit, own.namespace)
    assert refused == set()
    assert got == granted(role["rules"])
