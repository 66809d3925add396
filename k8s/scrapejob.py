"""A batch's own small Job that fetches its accounts' posts before any Job with a GPU is made: a pure function."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from k8s import names, overlay, podjob
from k8s.podjob import Frame, Manifest, Shape, Work
from k8s.settings import Kubernetes
from pipeline.errors import ConfigError
from pipeline.order import ENVIRONMENT, Order

CPU, MEMORY = "250m", "1Gi"  # it waits for answers nearly all of the time
FOR_GPUS = ("nodeSelector", "affinity", "runtimeClassName", "resourceClaims")  # of a Pod: not for this one
LONGEST = 120_000  # bytes of the order: Linux takes 128 KiB in one variable


def job(batch: str, order: Order, settings: Sequence[Kubernetes], hours: float) -> Manifest:
    """The Job: image and all else of the first group's settings, the Secrets, variables and volumes of all.

    `hours` are how long it may try in all. What chooses nodes with GPUs (node_selector, affinity, runtime class), or is
    for a training only, is left out. Raises ConfigError where the order is too long for one Job.
    """
    if (size := len(order.to_json().encode())) > LONGEST:
        accounts = sum(map(len, order.accounts.values()))
        text = f"--scrape-first: {accounts:,} accounts are too many for one Job ({size:,} of {LONGEST:,} bytes)"
        raise ConfigError(f"{text}; fetch them from here: htctl scrape, or submit fewer groups at once")
    labels = {**names.common_labels(), names.COMPONENT: names.SCRAPE, names.BATCH: batch}
    resources = {"requests": {"cpu": CPU, "memory": MEMORY}, "limits": {"memory": MEMORY}}
    work = Work(names.scrape_job_name(batch), labels, {}, (ENVIRONMENT, order.to_json()))
    return podjob.job(work, Frame(Shape(resources), _joined(settings, int(hours * 3600))))


def _joined(settings: Sequence[Kubernetes], seconds: int) -> Kubernetes:
    first = settings[0]
    env: dict[str, Any] = {}
    volumes: dict[str, Any] = {"volumes": []}
    for each in settings:
        env |= each.env
        volumes = overlay.merge(volumes, {"volumes": each.volumes})
    return dataclasses.replace(
        first,
        secrets=tuple(dict.fromkeys(name for each in settings for name in each.secrets)),
        pull_secrets=tuple(dict.fromkeys(name for each in settings for name in each.pull_secrets)),
        env=env,
        volumes=tuple(volumes["volumes"]),
        node_selector={},
        affinity={},
        pod=_small(first.pod),
        job={"activeDeadlineSeconds": seconds, **first.job},
    )


def _small(pod: Mapping[str, Any]) -> dict[str, Any]:
    """What is laid over the Pod, without what a training needs."""
    left = {key: value for key, value in pod.items() if key not in FOR_GPUS}
    if "containers" in left:
        left["containers"] = [{k: v for k, v in each.items() if k != "resources"} for each in left["containers"]]
    return left
