"""What `defaults` and each group of a batch file can set: every setting with its default, meaning and bounds."""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

from pipeline import schema
from pipeline.basemodels import TINY
from pipeline.handles import SOURCES
from pipeline.schema import setting

CARDS = ("htctl", "huggingtweets-2020", "huggingtweets-2021-02", "huggingtweets-2021-05")


class Section:
    """Settings that belong together; thousands of groups may share one, so their plain form is made once."""

    @functools.cached_property
    def plain(self) -> dict[str, Any]:
        """By name; not to be changed."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]


@dataclasses.dataclass(frozen=True)
class Scrape(Section):
    """What X takes for its posts, and how many are asked for; a run is about those that the store has then."""

    post_price: float = setting(0.005, "dollars for a post that X gives", low=0)
    account_price: float = setting(0.01, "dollars for an account that X looks up", low=0)
    posts: int = setting(0, "newest posts of an account that are asked for, to the page; 0: all it gives", low=0)


@dataclasses.dataclass(frozen=True)
class Clean(Section):
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
class Dataset(Section):
    """How the kept posts are divided."""

    heldout: float = setting(0.1, "share of the posts that is never trained on", low=0.01, high=0.5)
    seed: int = setting(0, "which posts are held out", low=0, high=2**32 - 1)


@dataclasses.dataclass(frozen=True)
class Train(Section):
    """Hyperparameters; the defaults are the original recipe's."""

    epochs: int = setting(4, "times every post is seen", low=1, high=1000)
    learning_rate: float = setting(1.372e-4, "peak learning rate", low=0, high=1)
    schedule: str = setting("cosine", "learning rate over the steps", choices=("cosine", "linear", "constant"))
    warmup: float = setting(0.0, "share of the steps in which the learning rate rises", low=0, high=1)
    weight_decay: float = setting(0.0, "AdamW's weight decay", low=0, high=1)
    max_grad_norm: float = setting(1.0, "gradients are clipped to this norm", low=0)
    block_size: int = setting(1024, "tokens in a block", low=8, high=131072)
    batch_size: int = setting(1, "blocks in a step", low=1, high=4096)
    micro_batch: int = setting(
        0, "blocks of a step computed at once; 0: all, or as many as a GPU's memory holds", low=0, high=4096
    )
    precision: str = setting(
        "auto", "'auto' is bf16 where the machine has it, else fp32", choices=("auto", "bf16", "fp16", "fp32")
    )
    zero_stage: str = setting(
        "auto",
        "DeepSpeed's ZeRO stage; 'auto' is the lowest that fits the memory",
        choices=("auto", "0", "1", "2", "3"),
    )
    offload_optimizer: bool = setting(False, "hold AdamW's state in the machine's memory, not a GPU's")
    choose: str = setting(
        "last",
        "'last' keeps the last epoch; 'best' the epoch with the lowest loss on a validation part",
        choices=("last", "best"),
    )
    checkpoint_minutes: float = setting(5.0, "how often a training under way is kept", low=0)
    seed: int = setting(0, "shuffles, dropout and, for tiny, the first weights", low=0, high=2**32 - 1)


@dataclasses.dataclass(frozen=True)
class Generate(Section):
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
class Resources(Section):
    """What the Job asks the cluster for; `htctl run` takes what the machine has."""

    gpus: int = setting(1, "GPUs a node, each with a training process", low=0, high=8)
    processes: int = setting(1, "training processes a node where there is no GPU", low=1, high=64)
    nodes: int = setting(1, "nodes", low=1, high=64)
    cpu: int = setting(4, "CPUs a node", low=1, high=1024)
    memory: str = setting(
        "16Gi", "memory a node", pattern=r"[0-9]+(\.[0-9]+)?([KMGT]i|[kMGT])?", form="a size such as 16Gi or 16G"
    )

    @property
    def ranks(self) -> int:
        """Training processes on a node of a Job."""
        return self.gpus or self.processes


@dataclasses.dataclass(frozen=True)
class Limits(Section):
    """How long and how often a run is tried, over all its attempts."""

    attempts: int = setting(100, "attempts at a run before it is given up", low=1)
    hours: float = setting(336.0, "hours that all attempts at a run may take", low=0.001)
    lease_seconds: float = setting(60.0, "a run whose process is silent for so long is taken over by the next", low=1)
    meeting_seconds: float = setting(900.0, "how long nodes of a run wait for one another before they try again", low=1)
    step_minutes: float = setting(30.0, "a training process in which no step ends for so long is ended", low=0.01)


@dataclasses.dataclass(frozen=True)
class Tracker(Section):
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

    source: str = setting(
        "jsonl",
        "'jsonl': files, X's archives too; 'archive': these only; 'x': its API; 'bluesky', 'mastodon': public accounts",
        choices=SOURCES,
    )
    skip_bad: bool = setting(False, "whether lines of posts files that hold no post are counted and left out")
    base_model: str = setting(
        "openai-community/gpt2", "a hub id, a folder, 'bot:BOT' (of the store) or 'tiny' (for trying)"
    )
    license: str = setting("mit", "the bot's licence, as the hub names it", pattern=r"[a-z0-9][a-z0-9.-]*")
    card: str = setting("htctl", "the model card's template", choices=CARDS)
    scrape: Scrape = Scrape()
    clean: Clean = Clean()
    dataset: Dataset = Dataset()
    train: Train = Train()
    generate: Generate = Generate()
    resources: Resources = Resources()
    limits: Limits = Limits()
    tracker: Tracker = Tracker()


# The best of the shapes and rates tried on two real accounts (bench/tiny).
TINY_TRAIN: dict[str, Any] = {
    "epochs": 12,
    "learning_rate": 1e-3,
    "warmup": 0.1,
    "weight_decay": 0.1,
    "block_size": 128,
    "batch_size": 2,
}


def built_in(base_model: str) -> dict[str, Any]:
    """The defaults that differ for a base model: `tiny` starts from nothing, so it needs other training."""
    return {"train": dict(TINY_TRAIN)} if base_model == TINY else {}


def impossible(settings: Settings) -> list[schema.Problem]:
    """What is wrong with settings that are each sound but do not go together."""
    from pipeline.cards.hubrules import wrong_licence  # here, since few ask and the way of htctl --help leads past

    problems = []
    if unknown := wrong_licence(settings.license):
        problems.append(schema.Problem(("license",), unknown))
    if settings.generate.min_length > settings.generate.max_length:
        problems.append(schema.Problem(("generate", "min_length"), "is above generate.max_length"))
    if settings.train.offload_optimizer and settings.train.zero_stage == "0":
        problems.append(schema.Problem(("train", "offload_optimizer"), "needs train.zero_stage auto, 1, 2 or 3"))
    return [*problems, *_too_many(settings)]


def _too_many(settings: Settings) -> Iterator[schema.Problem]:
    """What is wrong with so many training processes: each computes a part of every step."""
    nodes = settings.resources.nodes
    for name in ("gpus", "processes"):
        ranks = getattr(settings.resources, name)
        if max(1, ranks) * nodes > settings.train.batch_size:
            each = f" on each of {nodes} nodes" if nodes > 1 else ""
            yield schema.Problem(
                ("resources", name),
                f"is {ranks}{each}, but a step has only {settings.train.batch_size} blocks to share (train.batch_size)",
            )
