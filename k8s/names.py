"""Names in Kubernetes: the Job of a run, its container, and the labels and annotations that find it again."""

from collections.abc import Mapping
from typing import Any

from pipeline import nodes, order
from pipeline.config import ENVIRONMENT, NODE, POD, TERMINATION, RunConfig
from pipeline.identity import run_id, with_digest

DOMAIN = "htctl.dev"
LONGEST_JOB = 52  # 63 for a Pod's host name, less `-<index>-<5 random>` that a Job's Pods get
CONTAINER = "train"
SERVICE = "htctl-nodes"  # the one headless Service by which nodes of a run find each other
BATCH, BOT, RUN, HANDLES = (f"{DOMAIN}/{name}" for name in ("batch", "bot", "run", "handles"))
APPLICATION = {"app.kubernetes.io/name": "htctl"}  # what every object of htctl's is labelled
COMPONENT = "app.kubernetes.io/component"
SCRAPE = "scrape"  # the component that fetches a batch's posts (--scrape-first)
MANAGER = "app.kubernetes.io/managed-by"
JOB = "batch.kubernetes.io/job-name"  # Kubernetes' own, on a Job's Pods
MANIFEST = f"{DOMAIN}/manifest"  # what the Job was sent as, by its SHA-256
QUEUE = "kueue.x-k8s.io/queue-name"
RESERVED_ENV = (ENVIRONMENT, order.ENVIRONMENT, NODE, POD, TERMINATION, *nodes.VARIABLES)
RESERVED_KEYS = ("app.kubernetes.io/", "batch.kubernetes.io/", f"{DOMAIN}/")


def job_name(batch: str, bot: str) -> str:
    """A DNS-safe name, equal for equal batch and bot: a slug and 8 hex digits of both, 52 characters at most.

    It is also what keeps a group from being submitted twice: creating it again is "already there".
    """
    return with_digest(bot, f"{batch}\n{bot}", LONGEST_JOB)


def scrape_job_name(batch: str) -> str:
    """Of the one Job of a batch that fetches its posts before the others are made."""
    return with_digest(f"{SCRAPE}-{batch}", f"{SCRAPE}\n\n{batch}", LONGEST_JOB)


def is_scrape(job: Mapping[str, Any]) -> bool:
    """Whether a Job only fetches posts."""
    return bool((job["metadata"].get("labels") or {}).get(COMPONENT) == SCRAPE)


def selector(batch: str = "") -> str:
    """What finds the objects of a batch, or of all of htctl's batches."""
    return f"{BATCH}={batch}" if batch else BATCH


def common_labels() -> dict[str, str]:
    """What every Job of htctl's has."""
    return {**APPLICATION, MANAGER: "htctl"}


def labels(config: RunConfig, bot: str) -> dict[str, str]:
    """What the objects of a bot's run are found by; its id may be too long for a label, so it goes by a hash."""
    import hashlib

    return {
        **common_labels(),
        COMPONENT: CONTAINER,
        BATCH: config.batch,
        BOT: hashlib.sha256(bot.encode()).hexdigest()[:16],
        f"{DOMAIN}/config": config.fingerprint()[:16],
    }


def annotations(config: RunConfig, bot: str) -> dict[str, str]:
    """What a person or a program wants to know of a run and no label can hold."""
    return {
        HANDLES: "+".join(config.handles),
        BOT: bot,
        RUN: run_id(config),
    }


def is_reserved(key: str) -> bool:
    """Whether a label's or annotation's key is htctl's or Kubernetes' own."""
    return key.startswith(RESERVED_KEYS)
