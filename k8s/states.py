"""The values that status is made of: which groups there are, what is known of each, and the one state that it is in."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from k8s.manifests import Manifest
from pipeline.lease import State


class Phase(enum.StrEnum):
    """Where a group is, from the queue to its end."""

    QUEUED = "queued"  # Kueue has not admitted it
    PREEMPTED = "preempted"  # Kueue took its quota; it waits for it again
    PAUSED = "paused"
    SCHEDULING = "scheduling"  # no node yet
    PULLING = "pulling"  # the image
    STARTING = "starting"  # a node is there, the pipeline has said nothing yet
    RUNNING = "running"
    PUBLISHED = "published"
    UNCHANGED = "unchanged"  # the bot's current run has the same posts and settings
    FETCHED = "fetched"  # of a batch's scrape Job: it has ended well
    CANCELLED = "cancelled"  # its Job is gone, and nothing is published
    FAILED = "failed"
    UNKNOWN = "unknown"  # the store or the cluster, which alone could tell, was not asked or gave no answer


WELL = (Phase.PUBLISHED, Phase.UNCHANGED, Phase.FETCHED)
OVER = (*WELL, Phase.FAILED, Phase.CANCELLED)
WAITING = (Phase.QUEUED, Phase.PREEMPTED, Phase.PAUSED)  # they hold nothing


@dataclass(frozen=True)
class Group:
    """One group of a batch, as its Job's annotations or the store's `batch.json` name it.

    A Job that makes no bot, but fetches the batch's posts, goes by its name and has no run.
    """

    bot: str
    run: str
    job: str
    handles: tuple[str, ...] = ()
    batch: str = ""
    store: str = ""  # where its run is kept, as its Job's config says


@dataclass(frozen=True)
class Seen:
    """What the cluster has of a group; no Job: it was removed, by its time to live or by hand, or never made."""

    job: Manifest | None = None
    pods: tuple[Manifest, ...] = ()
    workload: Manifest | None = None  # Kueue's
    ahead: int | None = None  # how many workloads of its queue come first
    asked: bool = True  # whether a cluster was
    unsent: bool = False  # it is to be sent yet
    fetching: bool = False  # the batch's posts are being fetched, and it is sent after that
    refusal: str = ""  # why no Pod could be made, where an event says so


class Ask(enum.Enum):
    """What of the store is needed to tell a group's state."""

    NOTHING = enum.auto()
    NOW = enum.auto()  # how far it is
    END = enum.auto()  # what came of it


@dataclass(frozen=True)
class Facts:
    """What the store says of a group's run."""

    pointer: Mapping[str, Any] = field(default_factory=dict)  # the bot's latest.json
    complete: bool = False  # the run was published, whatever the pointer names since
    lease: State | None = None
    attempts: tuple[Mapping[str, Any], ...] = ()
    train: Mapping[str, Any] = field(default_factory=dict)  # the result of that stage
    elsewhere: str = ""  # its run is kept in this store, which was not asked: nothing else is known


@dataclass(frozen=True)
class GroupState:
    """One row of status. Times are seconds since 1970."""

    group: Group
    phase: Phase
    detail: str = ""  # why, and what to do
    stage: str = ""
    percent: float | None = None  # of the stage
    left_s: float | None = None  # of the stage
    stuck_since: float | None = None  # it holds a node or quota and cannot start; nothing in the cluster ends that
    code: int | None = None
    attempts: int = 0
    created: float | None = None
    gpu_seconds: float = 0
    before: float | None = None  # bits per byte of the held-out posts: of the base model
    after: float | None = None  # ... and of the bot
    node: str = ""

    @property
    def over(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.phase in OVER

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        rest = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "group"}
        group = self.group
        return {
            "batch": group.batch,
            "bot": group.bot,
            "handles": list(group.handles),
            "run": group.run,
            "job": group.job,
            **rest,
            "phase": str(self.phase),
        }
