"""The memory through which GPUs of one node reach each other where they have no link of their own."""

import shutil
from collections.abc import Callable

PLACE = "/dev/shm"  # noqa: S108 - what it is about
ENOUGH = 2**30  # bytes; what NVIDIA's guide to NCCL gives containers, of which many have 64 MiB


def check(say: Callable[[str], None], place: str = PLACE) -> None:
    """Say where it is less than NCCL may want: it then fails, in words that do not name it."""
    try:
        size = shutil.disk_usage(place).total
    except OSError:
        return
    if size < ENOUGH:
        say(
            f"warning: {place} has {size / 2**20:,.0f} MiB, and NCCL may want {ENOUGH / 2**20:,.0f}; "
            "in a Job it is as large as kubernetes.shared_memory"
        )
