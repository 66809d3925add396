from typing import Any

import pytest

from pipeline import tracker
from pipeline.errors import TryLaterError
from pipeline.layout import RunKeys
from pipeline.progress import Report
from pipeline.store.folder import FolderStore
from pipeline.tracker import Off, tracking
from tests import factories

KEYS = RunKeys("alice", "r")


class Noting(Off):
    """A tracker that notes how it was closed and what it measured."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def measured(self, point: Any) -> None:
        self.seen.append(point)

    def close(self, whole: bool) -> None:
        self.seen.append(whole)


def test_off_is_told_everything_and_does_nothing(store: FolderStore) -> None:
    with tracking(factories.run_config().tracker, store, KEYS, Report()) as off:
        off.measured({"step": 1})
        off.keep()
        assert off.links() == {}
    assert list(store.list("")) == []


def test_a_report_s_points_reach_the_tracker_which_is_closed_at_the_end(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Noting()
    monkeypatch.setattr(tracker, "_open", lambda *_: made)
    report = Report()
    with tracking(factories.run_config().tracker, store, KEYS, report):
        report.measured({"step": 1})
    with pytest.raises(TryLaterError), tracking(factories.run_config().tracker, store, KEYS, report):
        raise TryLaterError("stopped")
    assert made.seen == [{"step": 1}, True, False]
