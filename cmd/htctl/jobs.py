"""A batch as the objects that a cluster is sent; what no Pod could reach is refused before anything is."""

import functools
from pathlib import Path
from typing import Protocol

from htctl import output, postsfiles
from htctl.batch import Batch, Group
from k8s import manifests, reach
from k8s.manifests import Manifest
from pipeline.config import RunConfig
from pipeline.errors import ConfigError
from pipeline.schema import Problem


class Hash(Protocol):
    """What a posts file goes by: `postsfiles.sha256`, or one that puts it into the store too."""

    def __call__(self, path: Path, handle: str, *, skip_bad: bool) -> str: ...


def objects(batch: Batch, store: str, posts: Hash = postsfiles.sha256) -> list[Manifest]:
    """All objects of a batch, posts being named by the hash of their files; raises ConfigError with every problem.

    No posts file is read before all of the rest is sound.
    """
    known = functools.cache(posts)  # a handle's file may serve several groups
    check(batch, store)

    def run_config(group: Group) -> RunConfig:
        skip_bad = group.settings.skip_bad
        named = {
            name: known(group.posts[name], name, skip_bad=skip_bad) for name in _handles(group) if name in group.posts
        }
        return batch.run_config(group, store, named)

    return list(manifests.objects((run_config(group), group.kubernetes) for group in batch.groups))


def _handles(group: Group) -> list[str]:
    return [handle.lower() for handle in group.handles]


def check(batch: Batch, store: str) -> None:
    """Raise ConfigError with what the Pods could not reach: each problem once, with the groups that have it."""
    having: dict[Problem, list[str]] = {}
    for group in batch.groups:
        for problem in reach.out_of_reach(store, group.settings.base_model, group.kubernetes):
            having.setdefault(problem, []).append(group.bot)
    if having:
        raise ConfigError("\n       ".join(f"{problem} ({output.some(bots)})" for problem, bots in having.items()))
