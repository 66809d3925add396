"""A batch as the objects that a cluster is sent; what no Pod could reach is refused before anything is."""

import functools
from collections.abc import Sequence

from htctl import postsfiles
from htctl.batchfile import Batch, Group
from k8s import manifests, reach
from k8s.manifests import Manifest
from k8s.settings import Kubernetes
from pipeline.config import RunConfig
from pipeline.errors import ConfigError
from pipeline.schema import Problem

NAMED = 5  # groups that a problem names


def objects(batch: Batch, store: str) -> list[Manifest]:
    """All objects of a batch, posts being named by the hash of their files; raises ConfigError with every problem."""
    sha256 = functools.cache(postsfiles.sha256)  # a handle's file may serve several groups

    def run_config(group: Group) -> RunConfig:
        skip_bad = group.settings.skip_bad
        posts = {name: sha256(group.posts[name], name, skip_bad=skip_bad) for name in _handles(group)}
        return batch.run_config(group, store, posts)

    runs = [(run_config(group), group.kubernetes) for group in batch.groups]
    _refuse(batch, runs)
    return list(manifests.objects(runs))


def _handles(group: Group) -> list[str]:
    return [handle.lower() for handle in group.handles]


def _refuse(batch: Batch, runs: Sequence[tuple[RunConfig, Kubernetes]]) -> None:
    """Raise ConfigError with what the Pods could not reach: each problem once, with the groups that have it."""
    having: dict[Problem, list[str]] = {}
    for group, (config, settings) in zip(batch.groups, runs, strict=True):
        for problem in reach.out_of_reach(config, settings):
            having.setdefault(problem, []).append(group.bot)
    if having:
        raise ConfigError("\n       ".join(f"{problem} ({_some(bots)})" for problem, bots in having.items()))


def _some(bots: Sequence[str]) -> str:
    more = f" and {len(bots) - NAMED:,} more" if len(bots) > NAMED else ""
    return ", ".join(bots[:NAMED]) + more
