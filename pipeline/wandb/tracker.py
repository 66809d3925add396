"""The tracker that is Weights & Biases: has the run recorded, and the recording kept in the store.

W&B's ids of the two runs are in the store (`wandb.json`), so a run that is taken up again goes on in the same. Each
attempt's recording is a folder of W&B's own files under the run, from which `htctl track sync` sends what is missing.
"""

import time
from collections.abc import Mapping
from typing import Any

from pipeline.layout import RunKeys
from pipeline.progress import Report
from pipeline.settings import Tracker as Settings
from pipeline.stage import Context
from pipeline.store import Store
from pipeline.store.objects import read_json
from pipeline.tracker import Links
from pipeline.wandb import runs
from pipeline.wandb.feed import Feed
from pipeline.wandb.gauges import Gauges
from pipeline.wandb.harmless import harmless
from pipeline.wandb.recording import KINDS, Known, Recording

RECORD_S = 10.0  # what the recording of something may take: it is all on this machine
LINKS_S = 3.0  # how long the card waits for W&B to show a run
STOPPED_S = 5.0  # how long an attempt that was stopped waits for W&B


class WandbTracker:
    """Two runs of W&B for one attempt at a run of ours."""

    def __init__(self, settings: Settings, store: Store, keys: RunKeys, report: Report) -> None:
        self.settings, self.store, self.keys, self.report = settings, store, keys, report
        self.feed: Feed | None = None
        self.recording = Recording(store, keys)
        self.known = Known(store, keys)
        self.open = ""  # the run that is under way
        self.finished: dict[str, int] = {}  # runs that are told whole, and by which command
        self._told: set[str] = set()
        self._last = (0.0, 0)  # the time and tokens of the last point
        self._gauges = Gauges()

    @harmless
    def begins(self, stage: str, context: Context) -> None:
        if stage == "train":
            self._begin_train(context)
        if stage == "publish" and self.feed:  # whole before the bot is: nobody comes back for a published run
            self.feed.wait(self.finished.get("train", 0), RECORD_S)
            self._keep(self.feed)

    @harmless
    def ended(self, stage: str, context: Context) -> None:
        if stage == "dataset":
            self._preprocess(context)
        elif stage in ("train", "generate", "card"):
            self._train(stage, context)
        if self.feed:
            self._keep(self.feed)

    @harmless
    def measured(self, point: Mapping[str, Any]) -> None:
        if self.feed and self.open == "train":
            now, tokens = time.monotonic(), int(point.get("tokens", 0))
            before, known = self._last
            speed = (tokens - known) / (now - before) if before and tokens else 0.0
            self._last = (now, tokens) if tokens else self._last
            self.feed.tell(runs.point(point, speed, self._gauges.read()))

    @harmless
    def keep(self) -> None:
        if self.feed:
            self._keep(self.feed)

    def links(self) -> Links:
        return self._links() or {}

    @harmless
    def _links(self) -> Links:
        if self.feed and self.settings.mode == "online":
            self.feed.wait_for_links({*KINDS} - self.known.links.keys(), LINKS_S)
            self._note(self.feed)
        return dict(self.known.links)

    @harmless
    def close(self, whole: bool) -> None:
        if not self.feed:
            return
        wait = self.settings.wait_seconds if whole else min(STOPPED_S, self.settings.wait_seconds)
        try:
            self.feed.tell({"do": "wait", "seconds": wait})
            self.feed.close(wait + RECORD_S)
            self._keep(self.feed, over=True)
            self._conclude(self.feed)
        finally:
            self.feed.kill()
            self.recording.remove()

    def warn(self, text: str) -> None:
        """Say what is wrong with the tracker, each thing once."""
        line = " ".join(text.split())[:300]
        if line not in self._told:
            self._told.add(line)
            self.report.line(f"warning: W&B: {line}; the run goes on without it")

    def _recorded(self, kind: str) -> bool:
        return kind in self.known.recorded or kind in self.finished

    def _tell(self, command: Mapping[str, Any]) -> int:
        if not self.feed:
            self.recording.take_in()
            folder = self.recording.open(vars(self.settings))
            online = self.settings.mode == "online"
            try:
                self.feed = Feed(folder, online, self.settings.base_url, self.settings.wait_seconds)
            except OSError:
                self.finished = dict.fromkeys(KINDS, 0)  # nothing more is told
                self.recording.remove()
                raise
        return self.feed.tell(command)

    def _begin(self, kind: str, context: Context) -> None:
        made_by = read_json(self.store, self.keys.config).get("made_by", {})
        config = runs.config_of(kind, context.config, self.keys, made_by)
        self._tell(runs.begin(kind, self.known.ids[kind], self.settings, context.config, config))
        self.open = kind

    def _finish(self) -> None:
        self.finished[self.open] = self._tell({"do": "finish", "whole": True})
        self.open = ""

    def _preprocess(self, context: Context) -> None:
        """All of the first run at once, when what it is about is there."""
        if self._recorded("preprocess"):
            return
        self._begin("preprocess", context)
        config, keys = context.config, self.keys
        paths = [str(context.local(keys.posts(f"{handle.lower()}.jsonl.gz"))) for handle in config.handles]
        self._tell(runs.posts_artifact(config, keys, paths))
        self._tell(runs.dataset_artifact(config, keys, self._training_part(context), used=False))
        self._tell(runs.counts(context.results))
        self._finish()

    def _begin_train(self, context: Context) -> None:
        if self._recorded("train") or self.open == "train":
            return
        self._begin("train", context)
        part = self._training_part(context)
        self._tell(runs.dataset_artifact(context.config, self.keys, part, used=True))
        self._tell(runs.base_model_artifact(context.config))

    def _train(self, stage: str, context: Context) -> None:
        """The rest of the second run; a run that is taken up after its training tells what came of it again."""
        if self._recorded("train"):
            return
        self._begin_train(context)
        if stage == "train":
            model = read_json(self.store, self.keys.model("config.json"))
            self._tell({"do": "config", "data": {key: value for key, value in model.items() if value is not None}})
            self._tell(runs.scores(context.results["train"]))
        elif stage == "generate":
            found = context.results["generate"]
            self._tell(runs.samples(found["prompt"], found["samples"]))
            self._tell({"do": "summary", "data": {f"copies/{key}": value for key, value in found["copies"].items()}})
        else:
            prefix = self.keys.model("")
            sizes = {entry.key.removeprefix(prefix): entry.size for entry in self.store.list(prefix)}
            self._tell(runs.model_artifact(context.config, self.keys, self.store.address, sizes))
            self._finish()

    def _training_part(self, context: Context) -> str:
        return str(context.local(self.keys.dataset("train.jsonl.gz")))

    def _note(self, feed: Feed) -> None:
        """Write down where W&B shows the runs, and which are whole in the store."""
        whole = [kind for kind, number in self.finished.items() if feed.has(number)]
        for kind, link in self.known.note(feed.links, whole).items():
            self.report.line(f"W&B: the {kind} run is at {link}")

    def _keep(self, feed: Feed, over: bool = False) -> None:
        """Bring what is new of the recording into the store, then say so."""
        number = feed.done
        self.recording.keep()
        if over or number >= max(self.finished.values(), default=0):
            self._note(feed)
        if feed.failed:
            self.warn(feed.failed[0])

    def _conclude(self, feed: Feed) -> None:
        """What a person must know of it: what W&B has not, and how it gets there."""
        for why in list(dict.fromkeys(feed.unsent.values()))[:1]:
            self.report.line(
                f"W&B has not all of this run ({why}); it is kept: htctl track sync {self.keys.bot} sends it"
            )
        if feed.dropped:
            self.warn(f"{feed.dropped} points were not recorded")
