"""Names in Kubernetes: the Job of a run, its container, and the labels and annotations that find it again."""

from pipeline.config import ENVIRONMENT, NODE, POD, TERMINATION, RunConfig
from pipeline.identity import bot_id, run_id, with_digest

DOMAIN = "htctl.dev"
LONGEST_JOB = 52  # 63 for a Pod's host name, less `-<index>-<5 random>` that a Job's Pods get
CONTAINER = "train"
SERVICE = "htctl-nodes"  # the one headless Service by which nodes of a run find each other
BATCH, BOT, RUN, HANDLES = (f"{DOMAIN}/{name}" for name in ("batch", "bot", "run", "handles"))
MANAGER = "app.kubernetes.io/managed-by"
JOB = "batch.kubernetes.io/job-name"  # Kubernetes' own, on a Job's Pods
MANIFEST = f"{DOMAIN}/manifest"  # what the Job was sent as, by its SHA-256
QUEUE = "kueue.x-k8s.io/queue-name"
# What torchrun reads as its options, and torch.distributed for the rendezvous.
NODES = ("MASTER_ADDR", "MASTER_PORT", "PET_NNODES", "PET_NODE_RANK", "PET_NPROC_PER_NODE")
RESERVED_ENV = (ENVIRONMENT, NODE, POD, TERMINATION, *NODES)
RESERVED_KEYS = ("app.kubernetes.io/", "batch.kubernetes.io/", f"{DOMAIN}/")


def job_name(batch: str, bot: str) -> str:
    """A DNS-safe name, equal for equal batch and bot: a slug and 8 hex digits of both, 52 characters at most.

    It is also what keeps a group from being submitted twice: creating it again is "already there".
    """
    return with_digest(bot, f"{batch}\n{bot}", LONGEST_JOB)


def selector(batch: str = "") -> str:
    """What finds the objects of a batch, or of all of htctl's batches."""
    return f"{BATCH}={batch}" if batch else BATCH


def common_labels() -> dict[str, str]:
    """What every object of htctl's has."""
    return {"app.kubernetes.io/name": "htctl", MANAGER: "htctl"}


def labels(config: RunConfig) -> dict[str, str]:
    """What a run's objects are found by; a bot's id may be too long for a label, so it goes by a hash."""
    import hashlib

    bot = bot_id(config.source, config.handles)
    return {
        **common_labels(),
        "app.kubernetes.io/component": CONTAINER,
        BATCH: config.batch,
        BOT: hashlib.sha256(bot.encode()).hexdigest()[:16],
        f"{DOMAIN}/config": config.fingerprint()[:16],
    }


def annotations(config: RunConfig) -> dict[str, str]:
    """What a person or a program wants to know of a run and no label can hold."""
    return {
        HANDLES: "+".join(config.handles),
        BOT: bot_id(config.source, config.handles),
        RUN: run_id(config),
    }


def is_reserved(key: str) -> bool:
    """Whether a label's or annotation's key is htctl's or Kubernetes' own."""
    return key.startswith(RESERVED_KEYS)
