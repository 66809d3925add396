"""What the runner and the stages see of the tracker, which may be Weights & Biases, or nothing.

Whatever it is, it never fails and never slows a run: it is told, and answers nothing that a run rests on.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.layout import RunKeys
from pipeline.progress import Report
from pipeline.settings import Tracker as Settings
from pipeline.store import Store

if TYPE_CHECKING:
    from pipeline.stage import Context

Links = Mapping[str, str]  # `preprocess` and `train`, each where W&B shows it; what nobody can look at is not there


class Tracker(Protocol):
    """Is told how a run goes."""

    def begins(self, stage: str, context: "Context") -> None:
        """A stage is made now; the results of those before are in the context."""

    def ended(self, stage: str, context: "Context") -> None:
        """A stage's result is in the context, made now or by an earlier attempt."""

    def measured(self, point: Mapping[str, Any]) -> None:
        """The training is so far: `step`, `tokens`, `loss`, `learning_rate`, or `validation_loss` of an `epoch`."""

    def keep(self) -> None:
        """A checkpoint was made: what was recorded up to here should outlive this process as well."""

    def links(self) -> Links:
        """Where the runs are to be seen."""

    def close(self, whole: bool) -> None:
        """The attempt ends; `whole`: all stages are done."""


class Off:
    """Nothing is tracked."""

    def begins(self, stage: str, context: "Context") -> None:
        pass

    def ended(self, stage: str, context: "Context") -> None:
        pass

    def measured(self, point: Mapping[str, Any]) -> None:
        pass

    def keep(self) -> None:
        pass

    def links(self) -> Links:
        return {}

    def close(self, whole: bool) -> None:
        pass


@contextlib.contextmanager
def tracking(settings: Settings, store: Store, keys: RunKeys, report: Report) -> Iterator[Tracker]:
    """The tracker that the settings name, for the length of an attempt."""
    tracker = _open(settings, store, keys, report)
    report.measured = tracker.measured
    try:
        yield tracker
    except BaseException:
        tracker.close(False)
        raise
    tracker.close(True)


def _open(settings: Settings, store: Store, keys: RunKeys, report: Report) -> Tracker:
    if settings.mode == "off":
        return Off()
    from pipeline.wandb.tracker import WandbTracker  # what is off is not loaded

    return WandbTracker(settings, store, keys, report)
