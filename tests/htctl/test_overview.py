import json
from typing import Any

import pytest

from htctl import overview
from htctl.overview import Asked
from k8s.errors import ClusterError
from k8s.states import Phase
from pipeline import layout
from pipeline.store.folder import FolderStore
from tests.htctl.stores import add_run
from tests.k8s.fakes import FakeCluster


def test_the_namespace_is_the_one_that_was_submitted_to(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    group = {"bot": "alice", "run": "night-1", "job": "alice-1", "handles": "alice"}
    record = {"batch": "night", "namespace": "elsewhere", "groups": [group]}
    store.write(layout.batch("night"), json.dumps(record).encode())
    add_run(store, "night-1", current=True)
    asked: list[Any] = []

    def connect(*given: Any) -> FakeCluster:
        asked.extend(given)
        return FakeCluster(Job=[], Pod=[])

    monkeypatch.setattr(overview.clusters, "connect", connect)
    found = overview.take(Asked(batch="night", store=store.address), deep=False)
    assert asked[0] == "elsewhere"
    assert [state.phase for state in found.states()] == [Phase.PUBLISHED]
    overview.take(Asked(batch="night", store=store.address, namespace="mine"), deep=False)
    assert asked[3] == "mine"


def test_one_side_that_is_away_is_said(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def connect(*_: Any) -> FakeCluster:
        raise ClusterError("no answer")

    monkeypatch.setattr(overview.clusters, "connect", connect)
    group = {"bot": "alice", "run": "night-1", "job": "alice-1", "handles": "alice"}
    store.write(layout.batch("night"), json.dumps({"groups": [group]}).encode())
    found = overview.take(Asked(batch="night", store=store.address), deep=False)
    assert [state.phase for state in found.states()] == [Phase.UNKNOWN]
    assert capsys.readouterr().err == "no answer\nshown is what the store has\n"
