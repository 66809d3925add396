"""Names in Kubernetes: the Job of a run, its container, and the labels and annotations that find it again."""

import hashlib

from pipeline.config import ENVIRONMENT, RunConfig
from pipeline.identity import bot_id, run_id, with_digest

DOMAIN = "htctl.dev"
LONGEST_JOB = 52  # 63 for a Pod's host name, less `-<index>-<5 random>` that a Job's Pods get
CONTAINER = "train"
SERVICE = "htctl-nodes"  # the one headless Service by which nodes of a run find each other
BATCH, BOT, RUN = f"{DOMAIN}/batch", f"{DOMAIN}/bot", f"{DOMAIN}/run"
QUEUE = "kueue.x-k8s.io/queue-name"
NODE, POD, TERMINATION = "HTCTL_NODE", "HTCTL_POD", "HTCTL_TERMINATION_LOG"
# What torchrun reads as its options, and torch.distributed for the rendezvous.
NODES = ("MASTER_ADDR", "MASTER_PORT", "PET_NNODES", "PET_NODE_RANK", "PET_NPROC_PER_NODE")
RESERVED_ENV = (ENVIRONMENT, NODE, POD, TERMINATION, *NODES)
RESERVED_KEYS = ("app.kubernetes.io/", "batch.kubernetes.io/", f"{DOMAIN}/")


def job_name(batch: str, bot: str) -> str:
    """A DNS-safe name, equal for equal batch and bot: a slug and 8 hex digits of both, 52 characters at most.

    It is also what keeps a group from being submitted twice: creating it again is "already there".
    """
    return with_digest(bot, f"{batch}\n{bot}", LONGEST_JOB)


def common_labels() -> dict[str, str]:
    """What every object of htctl's has."""
    return {"app.kubernetes.io/name": "htctl", "app.kubernetes.io/managed-by": "htctl"}


def labels(config: RunConfig) -> dict[str, str]:
    """What a run's objects are found by; a bot's id may be too long for a label, so it goes by a hash."""
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
        f"{DOMAIN}/handles": "+".join(config.handles),
        BOT: bot_id(config.source, config.handles),
        RUN: run_id(config),
    }


def is_reserved(key: str) -> bool:
    """Whether a label's or annotation's key is htctl's or Kubernetes' own."""
    return key.startswith(RESERVED_KEYS)
