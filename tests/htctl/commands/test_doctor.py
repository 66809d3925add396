import json
from pathlib import Path

import pytest

from htctl.commands import doctor as doctors
from tests import factories
from tests.htctl.runner import htctl
from tests.k8s.fakes import FakeCluster

FILE = """\
store: s3://bots
defaults:
  base_model: tiny
  posts: alice.jsonl
  kubernetes: {image: "htctl:1", secrets: [keys], queue: QUEUE, volumes: [{name: s, mountPath: STORE, emptyDir: {}}]}
groups: [alice]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    factories.write_posts(tmp_path / "alice.jsonl", factories.sentences(3))
    found = tmp_path / "night.yaml"
    found.write_text(FILE.replace("QUEUE", "bots").replace("STORE", str(tmp_path)))
    return found


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    found = FakeCluster(LocalQueue=[{"metadata": {"name": "bots"}, "status": {}}], ResourceQuota=[])  # type: ignore[list-item]
    monkeypatch.setattr(doctors.clusters, "connect", lambda *_: found)
    return found


def states(file: Path, tmp_path: Path, *more: str) -> tuple[int, dict[str, str]]:
    ran = htctl("doctor", "-f", str(file), "--store", str(tmp_path / "store"), "-o", "json", *more)
    return ran.code, {check["name"]: check["state"] for check in json.loads(ran.out)}


def test_all_is_well(file: Path, tmp_path: Path, cluster: FakeCluster) -> None:
    code, found = states(file, tmp_path)
    assert (code, set(found.values())) == (0, {"ok", "note"})
    assert found["secrets"] == "note"
    assert {"packages", "batch file", "store", "cluster", "permissions", "queue", "quota", "job"} < set(found)


def test_each_fault_is_told_with_what_mends_it(file: Path, tmp_path: Path, cluster: FakeCluster) -> None:
    cluster.forbidden = {"pods/log"}
    cluster.objects["LocalQueue"].clear()
    code, found = states(file, tmp_path)
    assert (code, found["permissions"], found["queue"]) == (1, "bad", "bad")
    ran = htctl("doctor", "-f", str(file), "--store", str(tmp_path / "store"))
    assert "BAD  queue: no LocalQueue bots in bots, or no Kueue\n     -> write one that is there" in ran.out


def test_a_batch_file_that_is_wrong_keeps_nothing_else_from_being_looked_at(
    file: Path, tmp_path: Path, cluster: FakeCluster
) -> None:
    file.write_text(file.read_text().replace("groups", "gruops"))
    code, found = states(file, tmp_path)
    assert (code, found["batch file"], found["store"], found["cluster"]) == (1, "bad", "ok", "ok")


def test_without_a_cluster_the_rest_is_checked(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    # The client reads the variable when it is first imported, which another test may have done.
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))
    code, found = states(file, tmp_path)
    assert (code, found["store"], found["cluster"]) == (1, "ok", "bad")


def test_a_probe_needs_a_batch() -> None:
    assert htctl("doctor", "--probe").code == 2
