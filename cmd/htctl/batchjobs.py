"""The Jobs of a batch in the cluster that a command is about: all, or those of some groups."""

import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from htctl import batches, output
from k8s import cluster as clusters
from k8s import names
from k8s.cluster import Cluster
from k8s.manifests import Manifest
from pipeline import handles
from pipeline.errors import ConfigError

PATTERN = "*?["

GroupsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Only these: bots, handles joined by +, or patterns ('news*') [default: all].", show_default=False
    ),
]
SelectorOption = Annotated[
    str, typer.Option("-l", "--selector", help="Only Jobs with these labels, as kubectl takes them: team=a.")
]


class Found(NamedTuple):
    """A batch in a cluster, and its Jobs that are asked for."""

    cluster: Cluster
    batch: str
    jobs: list[Manifest]


def find(
    groups: Sequence[str], file: Path | None, batch: str, namespace: str, context: str, selector: str = ""
) -> Found:
    """The Jobs of a batch, which a batch file or its name tells; raises ConfigError where there are none."""
    asked = batches.find(file, batch)
    if not asked.name:
        raise ConfigError("say which batch: -f bots.yaml or --batch NAME")
    cluster = clusters.connect(namespace or asked.namespace, context)
    labels = names.selector(asked.name) + (f",{selector}" if selector else "")
    jobs = cluster.list("Job", labels).items
    if not jobs:
        raise ConfigError(_nothing(cluster, asked.name, selector))
    return Found(cluster, asked.name, wanted(jobs, groups))


def wanted(jobs: Sequence[Manifest], groups: Sequence[str]) -> list[Manifest]:
    """Those of the Jobs that are of the groups; all where none is named. Raises ConfigError for one that is not."""
    if not groups:
        return list(jobs)
    chosen: dict[str, Manifest] = {}
    for text in groups:
        found = [job for job in jobs if _is_of(job, text)]
        if not found:
            raise ConfigError(
                f"{text}: no such Job of the batch is in the cluster; it has {some(list(map(bot, jobs)))}"
            )
        chosen |= {job["metadata"]["name"]: job for job in found}
    return list(chosen.values())


def bot(job: Manifest) -> str:
    """The bot that a Job makes."""
    return str(job["metadata"].get("annotations", {}).get(names.BOT, job["metadata"]["name"]))


def some(bots: Sequence[str]) -> str:
    """The first few by name, the others by number."""
    return output.some(sorted(bots))


def _is_of(job: Manifest, text: str) -> bool:
    if any(sign in text for sign in PATTERN):
        return fnmatch.fnmatchcase(bot(job), text.lower())
    annotated = str(job["metadata"].get("annotations", {}).get(names.HANDLES, ""))
    return text == bot(job) or handles.names(text) == handles.names(annotated)


def _nothing(cluster: Cluster, name: str, selector: str) -> str:
    """What is said where a batch has no Jobs: which batches have."""
    every = cluster.heads("Job", f"{names.MANAGER}=htctl").items
    batches = sorted({str(job["metadata"]["labels"].get(names.BATCH, "")) for job in every})
    there = f"it has those of {some(batches)}" if batches else "it has none of htctl's"
    labelled = f" with {selector}" if selector else ""
    return f"namespace {cluster.namespace} has no Jobs of batch {name}{labelled}; {there}"
