"""Names of Kubernetes objects: the Job of a run, and the labels that find it again."""

import hashlib

from pipeline.config import RunConfig
from pipeline.identity import bot_id, with_digest

DOMAIN = "htctl.dev"
LONGEST_JOB = 52  # 63 for a Pod's host name, less `-<index>-<5 random>` that a Job's Pods get


def job_name(batch: str, bot: str) -> str:
    """A DNS-safe name, equal for equal batch and bot: a slug and 8 hex digits of both, 52 characters at most.

    It is also what keeps a group from being submitted twice: creating it again is "already there".
    """
    return with_digest(bot, f"{batch}\n{bot}", LONGEST_JOB)


def labels(config: RunConfig) -> dict[str, str]:
    """What a run's objects are found by; a bot's id may be too long for a label, so it goes by a hash."""
    bot = bot_id(config.source, config.handles)
    return {
        "app.kubernetes.io/name": "htctl",
        "app.kubernetes.io/managed-by": "htctl",
        f"{DOMAIN}/batch": config.batch,
        f"{DOMAIN}/bot": hashlib.sha256(bot.encode()).hexdigest()[:16],
        f"{DOMAIN}/config": config.fingerprint()[:16],
    }
