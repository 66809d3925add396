"""The config of a run: what is asked for, its defaults, and its JSON form in `HTCTL_RUN`."""

import dataclasses
import functools
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline import schema
from pipeline.errors import ConfigError
from pipeline.schema import setting

ENVIRONMENT = "HTCTL_RUN"
# What a Job says besides: its node's and Pod's names, and the file for the last word.
NODE, POD, TERMINATION = "HTCTL_NODE", "HTCTL_POD", "HTCTL_TERMINATION_LOG"
X_HANDLE = re.compile(r"[A-Za-z0-9_]{1,15}")
# For posts from files also other sources' names: name.bsky.social, user@server
HANDLES = {"jsonl": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,252}"), "archive": X_HANDLE}
BATCH = re.compile(r"[a-z0-9]([a-z0-9._-]{0,38}[a-z0-9])?")
BATCH_RULE = "1 to 40 of a-z, 0-9, '.', '_' and '-', with a letter or digit at both ends"
SOURCES = ("jsonl", "archive")
FILES = ("jsonl", "archive")  # those whose posts are given as files
TINY = "tiny"
BOT = "bot:"  # before a bot of the store as base model: bot:ID/RUN
CARDS = ("htctl", "huggingtweets-2020", "huggingtweets-2021-02", "huggingtweets-2021-05")


@dataclasses.dataclass(frozen=True)
class Clean:
    """How posts become training text."""

    rules: str = setting(
        "segmented",
        "'segmented' counts words in any script; 'original' is the old recipe, which counts spaces",
        choices=("segmented", "original"),
    )
    min_words: int = setting(3, "a post with fewer words is dropped as short", low=0)
    min_characters: int = setting(6000, "a handle with fewer characters kept ends the run", low=0)
    warn_characters: int = setting(40000, "a handle with fewer characters kept is warned about", low=0)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """How the kept posts are divided."""

    heldout: float = setting(0.1, "share of the posts that is never trained on", low=0.01, high=0.5)
    seed: int = setting(0, "which posts are held out", low=0, high=2**32 - 1)


@dataclasses.dataclass(frozen=True)
class Train:
    """Hyperparameters; the defaults are the original recipe's."""

    epochs: int = setting(4, "times every post is seen", low=1, high=1000)
    learning_rate: float = setting(1.372e-4, "peak learning rate", low=0, high=1)
    schedule: str = setting("cosine", "learning rate over the steps", choices=("cosine", "linear", "constant"))
    warmup: float = setting(0.0, "share of the steps in which the learning rate rises", low=0, high=1)
    weight_decay: float = setting(0.0, "AdamW's weight decay", low=0, high=1)
    max_grad_norm: float = setting(1.0, "gradients are clipped to this norm", low=0)
    block_size: int = setting(1024, "tokens in a block", low=8, high=131072)
    batch_size: int = setting(1, "blocks in a step", low=1, high=4096)
    precision: str = setting("auto", "'auto' is bf16 where the machine has it", choices=("auto", "bf16", "fp32"))
    zero_stage: str = setting(
        "auto", "DeepSpeed's ZeRO stage; 'auto' is 0 in one process", choices=("auto", "0", "1", "2", "3")
    )
    choose: str = setting(
        "last",
        "'last' keeps the last epoch; 'best' the epoch with the lowest loss on a validation part",
        choices=("last", "best"),
    )
    checkpoint_minutes: float = setting(5.0, "how often a training under way is kept", low=0)
    seed: int = setting(0, "shuffles, dropout and, for tiny, the first weights", low=0, high=2**32 - 1)


@dataclasses.dataclass(frozen=True)
class Generate:
    """How the samples on the card are drawn."""

    prompt: str = setting("My dream is", "what every sample on the card starts with")
    samples: int = setting(10, "samples on the card", low=1, high=100)
    temperature: float = setting(1.0, "above 1 is wilder, below 1 tamer", low=0.01, high=10)
    top_p: float = setting(0.95, "nucleus sampling", low=0.01, high=1)
    top_k: int = setting(50, "only so many likeliest tokens; the recipe had transformers' default of 50", low=0)
    min_length: int = setting(10, "tokens, with the prompt", low=0)
    max_length: int = setting(160, "tokens, with the prompt", low=2)
    copies: int = setting(100, "posts generated without a prompt to measure how many are copies", low=0, high=10000)
    seed: int = setting(0, "which samples are drawn", low=0, high=2**32 - 1)


@dataclasses.dataclass(frozen=True)
class Resources:
    """What the Job asks the cluster for; `htctl run` takes what the machine has."""

    gpus: int = setting(1, "GPUs a node", low=0, high=8)
    nodes: int = setting(1, "nodes", low=1, high=64)
    cpu: int = setting(4, "CPUs a node", low=1, high=1024)
    memory: str = setting("16Gi", "memory a node", pattern=r"[0-9]+(\.[0-9]+)?([KMGT]i|[kMGT])?")


@dataclasses.dataclass(frozen=True)
class Limits:
    """How long and how often a run is tried, over all its attempts."""

    attempts: int = setting(100, "attempts at a run before it is given up", low=1)
    hours: float = setting(336.0, "hours that all attempts at a run may take", low=0.001)
    lease_seconds: float = setting(60.0, "a run whose process is silent for so long is taken over by the next", low=1)


@dataclasses.dataclass(frozen=True)
class Tracker:
    """What Weights & Biases is told of a run; never which bot comes out."""

    mode: str = setting(
        "off",
        "'offline' keeps W&B's files in the store, 'online' also sends them as the run goes (WANDB_API_KEY)",
        choices=("off", "offline", "online"),
    )
    project: str = setting("huggingtweets", "W&B's project", pattern=r"[^/\\#?%:\x00-\x1f]{1,128}")
    entity: str = setting("", "W&B's user or team; empty: the key's own", pattern=r"[^/\\#?%:\s]{0,128}")
    base_url: str = setting("", "another W&B server; empty: WANDB_BASE_URL, else wandb.ai", pattern=r"(https?://\S+)?")
    wait_seconds: float = setting(10.0, "how long a run that is done waits for W&B to have all", low=0, high=300)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What `defaults` and each group of a batch file can set."""

    source: str = setting("jsonl", "'jsonl': files, X's archives too; 'archive': these only", choices=SOURCES)
    skip_bad: bool = setting(False, "whether lines of posts files that hold no post are counted and left out")
    base_model: str = setting(
        "openai-community/gpt2", "a hub id, a folder, 'bot:BOT' (of the store) or 'tiny' (for trying)"
    )
    license: str = setting("mit", "the bot's licence, as the hub names it", pattern=r"[a-z0-9][a-z0-9.-]*")
    card: str = setting("htctl", "the model card's template", choices=CARDS)
    clean: Clean = Clean()
    dataset: Dataset = Dataset()
    train: Train = Train()
    generate: Generate = Generate()
    resources: Resources = Resources()
    limits: Limits = Limits()
    tracker: Tracker = Tracker()


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig(Settings):
    """One run: a group of handles, where its posts are, and every setting written out.

    `posts` gives, for each handle in lower case, the SHA-256 (hex) of the posts file that the store
    keeps under `posts/file/<hash>/`; it is empty for sources that are asked over the network.
    """

    batch: str
    store: str
    handles: tuple[str, ...]
    posts: dict[str, str] = dataclasses.field(default_factory=dict)

    def to_json(self) -> str:
        """The form that travels in `HTCTL_RUN` and is kept as `config.json`."""
        return json.dumps(_plain(self), ensure_ascii=False, sort_keys=True)

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
        wrong = [*impossible(config), *wrong_handles(config.source, config.handles)]
        if not BATCH.fullmatch(config.batch):
            wrong.append(schema.Problem(("batch",), f"must be {BATCH_RULE}, not '{config.batch}'"))
        if wrong:
            raise ConfigError(f"{ENVIRONMENT}: {'; '.join(map(str, wrong))}")
        return config

    def fingerprint(self) -> str:
        """SHA-256 (hex) of what decides the bot: all but the batch's name, store, resources, limits and tracker.

        Resources are left out so that the same run can go on with other GPUs than it began with.
        """
        return self._fingerprint

    @functools.cached_property
    def _fingerprint(self) -> str:
        import hashlib  # imports that cost milliseconds wait: this file is on the way of htctl --help

        data = _plain(self)
        for key in ("batch", "store", "resources", "limits", "tracker"):
            del data[key]
        del data["train"]["checkpoint_minutes"]
        data["handles"] = sorted(handle.lower() for handle in self.handles)
        if self.source in FILES:  # the same files of posts, whatever they were called
            data["source"] = FILES[0]
        if not self.skip_bad:  # runs made before there was this setting keep their ids
            del data["skip_bad"]
        return hashlib.sha256(canonical_json(data).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Dataclasses as dicts, all else as it is: `dataclasses.asdict` copies every value, which 10,000 groups feel."""
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


def canonical_json(data: Mapping[str, Any]) -> str:
    """JSON that is equal for equal data: sorted keys, no spaces."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def built_in(base_model: str) -> dict[str, Any]:
    """The defaults that differ for a base model: `tiny` starts from nothing, so it needs other training."""
    return {"train": dict(TINY_TRAIN)} if base_model == TINY else {}


def is_folder(base_model: str) -> bool:
    """Whether a base model is a folder of this machine; else it is a hub id or `tiny`."""
    return base_model.startswith((".", "/"))


def is_bot(base_model: str) -> bool:
    """Whether a base model is a bot of the store that the run is made in: `bot:ID/RUN`."""
    return base_model.startswith(BOT)


def is_on_hub(base_model: str) -> bool:
    """Whether a base model is one that a hub has."""
    return base_model != TINY and not is_folder(base_model) and not is_bot(base_model)


def public_name(base_model: str) -> str:
    """A base model as the world may see it: where a folder lies is nobody's business."""
    if is_bot(base_model):
        return base_model.removeprefix(BOT)
    return base_model.rstrip("/").rpartition("/")[2] if is_folder(base_model) else base_model


def wrong_handles(source: str, handles: Sequence[str]) -> list[schema.Problem]:
    """What is wrong with the handles of a group, as names of accounts at `source`."""
    names = [handle.lower() for handle in handles]
    problems = [
        f"'{handle}' is not a handle of source {source}" for handle in handles if not _is_handle(source, handle)
    ]
    problems += [f"@{name} is named twice" for name in sorted({name for name in names if names.count(name) > 1})]
    problems += [] if handles else ["must name at least one handle"]
    return [schema.Problem(("handles",), problem) for problem in problems]


def _is_handle(source: str, handle: str) -> bool:
    return bool(HANDLES[source].fullmatch(handle))


def impossible(settings: Settings) -> list[schema.Problem]:
    """What is wrong with settings that are each sound but do not go together."""
    from pipeline.cards.hubrules import wrong_licence  # here, since few ask and the way of htctl --help leads past

    problems = []
    if unknown := wrong_licence(settings.license):
        problems.append(schema.Problem(("license",), unknown))
    if settings.generate.min_length > settings.generate.max_length:
        problems.append(schema.Problem(("generate", "min_length"), "is above generate.max_length"))
    return problems


def _required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


# The best of the shapes and rates tried on two real accounts (bench/tiny).
TINY_TRAIN: dict[str, Any] = {
    "epochs": 12,
    "learning_rate": 1e-3,
    "warmup": 0.1,
    "weight_decay": 0.1,
    "block_size": 128,
    "batch_size": 2,
}
