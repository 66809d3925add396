"""The config of a run: every setting written out, its JSON form in `HTCTL_RUN`, and what decides the bot."""

import dataclasses
import functools
import json
import re
from collections.abc import Mapping
from typing import Any

from pipeline import handles, schema
from pipeline.errors import ConfigError
from pipeline.settings import Limits, Scrape, Section, Settings, impossible

ENVIRONMENT = "HTCTL_RUN"
# What a Job says besides: its node's and Pod's names, and the file for the last word.
NODE, POD, TERMINATION = "HTCTL_NODE", "HTCTL_POD", "HTCTL_TERMINATION_LOG"
X_TOKEN = "X_BEARER_TOKEN"  # noqa: S105 - the variable's name, not a token
BATCH = re.compile(r"[a-z0-9]([a-z0-9._-]{0,38}[a-z0-9])?")
BATCH_RULE = "1 to 40 of a-z, 0-9, '.', '_' and '-', with a letter or digit at both ends"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig(Settings):
    """One run: a group of handles, where its posts are, and every setting written out.

    `posts` gives, for each handle in lower case, the SHA-256 (hex) of the posts file that the store
    keeps under `posts/file/<hash>/`; handles whose posts a source is asked for have none.
    `sources` gives, for handles in lower case that are not at `source`, where they are.
    """

    batch: str
    store: str
    handles: tuple[str, ...]
    posts: dict[str, str] = dataclasses.field(default_factory=dict)
    sources: dict[str, str] = dataclasses.field(default_factory=dict)

    def source_of(self, handle: str) -> str:
        """Where one of the handles is."""
        return self.sources.get(handle.lower(), self.source)

    @property
    def qualified(self) -> tuple[str, ...]:
        """The handles, those at other sources than the group's with their source: `bluesky:alice.bsky.social`."""
        return handles.qualified(self.handles, self.sources)

    def to_json(self) -> str:
        """The form that travels in `HTCTL_RUN` and is kept as `config.json`."""
        data = self._data()
        if self.scrape == Scrape():  # as it was before there were prices: a Job's config stays the same
            del data["scrape"]
        if not self.sources:  # nor were there groups of several sources
            del data["sources"]
        if self.resources.processes == 1:  # nor several training processes without a GPU
            del data["resources"]["processes"]
        for name in ("meeting_seconds", "step_minutes"):  # nor these limits
            if data["limits"][name] == getattr(Limits, name):
                del data["limits"][name]
        if not self.train.offload_optimizer:  # nor this
            del data["train"]["offload_optimizer"]
        return json.dumps(data, ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "RunConfig":
        """The inverse of `to_json`; raises ConfigError with every problem in one line."""
        try:
            data = json.loads(text)
        except ValueError as error:
            raise ConfigError(f"{ENVIRONMENT} is not JSON: {error}") from None
        problems = schema.check(cls, data)
        required = [f.name for f in dataclasses.fields(cls) if _required(f)]
        missing = [name for name in required if isinstance(data, dict) and name not in data]
        texts = [*map(str, problems), *(f"{name}: is missing" for name in missing)]
        if texts:
            raise ConfigError(f"{ENVIRONMENT}: {'; '.join(texts)}")
        config = schema.build(cls, data)
        wrong = [*impossible(config), *handles.wrong_handles(config.source, config.qualified)]
        if not BATCH.fullmatch(config.batch):
            wrong.append(schema.Problem(("batch",), f"must be {BATCH_RULE}, not '{config.batch}'"))
        if wrong:
            raise ConfigError(f"{ENVIRONMENT}: {'; '.join(map(str, wrong))}")
        return config

    def _data(self) -> dict[str, Any]:
        """As dicts that the caller may change; made once, since 10,000 groups ask several times."""
        return {name: dict(value) if isinstance(value, dict) else value for name, value in self._plain.items()}

    @functools.cached_property
    def _plain(self) -> dict[str, Any]:
        values = ((name, getattr(self, name)) for name in FIELDS)
        return {name: value.plain if isinstance(value, Section) else value for name, value in values}

    def fingerprint(self) -> str:
        """SHA-256 (hex) of what decides the bot: all but the batch's name, store, prices, resources, limits, tracker.

        Resources and the micro batch are left out so that the same run can go on with other GPUs than it began with.
        """
        return self._fingerprint

    @functools.cached_property
    def _fingerprint(self) -> str:
        import hashlib  # imports that cost milliseconds wait: this file is on the way of htctl --help

        data = self._data()
        for key in ("batch", "store", "scrape", "resources", "limits", "tracker"):
            del data[key]
        del data["train"]["checkpoint_minutes"], data["train"]["micro_batch"]
        if not self.train.offload_optimizer:  # runs made before there was this setting keep their ids
            del data["train"]["offload_optimizer"]
        data["handles"] = sorted(handle.lower() for handle in self.handles)
        if self.source in handles.FILES:  # the same files of posts, whatever they were called
            data["source"] = handles.FILES[0]
        if self.sources:  # the same accounts, whichever source was called the group's
            data["handles"] = sorted(f"{self.source_of(handle)}:{handle}" for handle in data["handles"])
            del data["source"]
        del data["sources"]
        if not self.skip_bad:  # nor was there this one
            del data["skip_bad"]
        return hashlib.sha256(canonical_json(data).encode()).hexdigest()


FIELDS = tuple(field.name for field in dataclasses.fields(RunConfig))


def canonical_json(data: Mapping[str, Any]) -> str:
    """JSON that is equal for equal data: sorted keys, no spaces."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
