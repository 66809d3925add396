import threading
import time

import pytest

from k8s import removal
from k8s.errors import ClusterError
from k8s.manifests import Manifest
from tests.k8s import apiserver

LABELS = {"htctl.dev/batch": "night"}


def a_job(name: str) -> Manifest:
    return {"metadata": {"name": name, "labels": LABELS, "uid": f"uid-{name}"}, "spec": {}}


def a_pod(name: str) -> Manifest:
    return {"metadata": {"name": f"{name}-1", "labels": LABELS, "ownerReferences": [{"uid": f"uid-{name}"}]}}


def test_a_job_is_gone_when_its_pods_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "EVERY_S", 0.02)
    with apiserver.running() as (state, cluster):
        for name in "ab":
            state.change("ADDED", "Job", a_job(name))
        pod = a_pod("a")
        state.change("ADDED", "Pod", pod)
        told: list[int] = []
        ended = threading.Timer(0.2, lambda: state.change("DELETED", "Pod", pod))
        ended.start()
        started = time.monotonic()
        removal.remove(cluster, list(state.objects["Job"].values()), "htctl.dev/batch=night", told.append)
        assert time.monotonic() - started > 0.15
        assert (told[0], told[-1]) == (1, 2)
        assert sum(asked.startswith("DELETE") for asked in state.asked) == 2


def test_one_that_stays_is_given_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "_patience", lambda _: 0.0)
    with apiserver.running() as (state, cluster):
        state.change("ADDED", "Job", a_job("a"))
        state.change("ADDED", "Pod", a_pod("a"))
        with pytest.raises(ClusterError, match="1 of 1 Jobs are still being deleted"):
            removal.remove(cluster, [state.objects["Job"]["a"]], "htctl.dev/batch=night", lambda _: None)


def test_a_job_that_is_gone_already_is_no_fault() -> None:
    with apiserver.running() as (_, cluster):
        assert removal.delete(cluster, a_job("a")) is False
