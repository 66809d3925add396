"""The log of a run, try by try: from its Pods while they are there, else from the store."""

import re
import time
from collections.abc import Iterator
from typing import NamedTuple

from k8s import outcome, raw
from k8s.cluster import Cluster
from k8s.errors import ClusterError, NotThereError
from k8s.manifests import Manifest
from k8s.names import CONTAINER, JOB
from pipeline.layout import RunKeys
from pipeline.store import Store

HEADING = re.compile(r"--- attempt (\d+), process \d+ on (.+)")
LOOK_S = 2.0  # between looks for the next Pod


class Try(NamedTuple):
    """An attempt as the store's log has it."""

    number: int
    host: str  # the Pod's name
    lines: list[str]

    @property
    def heading(self) -> str:
        """The line above it."""
        return f"--- attempt {self.number}, {self.host}"


def tries(store: Store, keys: RunKeys) -> list[Try]:
    """What the store has, oldest first."""
    found = store.read(keys.log)
    made: list[Try] = []
    for line in found.data.decode(errors="replace").splitlines() if found else ():
        if heading := HEADING.fullmatch(line):
            made.append(Try(int(heading[1]), heading[2], []))
        elif made:
            made[-1].lines.append(line)
    return made


def lines(cluster: Cluster | None, pods: list[Manifest], kept: list[Try], number: int = 0) -> Iterator[str]:
    """The log of all tries, or of one by its number: a Pod's own words where it is there, else what the store kept."""
    by_host = {each.host: each for each in kept}
    there = [pod["metadata"]["name"] for pod in pods if raw.began(pod)]
    numbers = {name: by_host[name].number if name in by_host else 0 for name in there}
    last = max([*(each.number for each in kept), 0])
    for name in there:  # those that never took the run's lease are not in the store
        if not numbers[name]:
            last += 1
            numbers[name] = last
    for each in kept:
        if each.host not in numbers and number in (0, each.number):
            yield each.heading
            yield from each.lines
    for name in there:
        if number in (0, numbers[name]):
            yield f"--- attempt {numbers[name]}, {name}"
            yield from _of_pod(cluster, name, by_host.get(name))


def follow(cluster: Cluster, job: str) -> Iterator[str]:
    """The log of a Job's Pods as it comes, one Pod after the other, until the Job is over."""
    seen: set[str] = set()
    while True:
        over = _is_over(cluster, job)
        pods = sorted(cluster.list("Pod", f"{JOB}={job}").items, key=raw.created)
        new = [pod["metadata"]["name"] for pod in pods if raw.began(pod) and pod["metadata"]["name"] not in seen]
        for name in new:
            seen.add(name)
            yield f"--- {name}"
            try:
                yield from cluster.logs(name, CONTAINER, follow=True)
            except NotThereError:
                continue  # it went in between
        if over and not new:
            return
        if not new:
            time.sleep(LOOK_S)


def _is_over(cluster: Cluster, job: str) -> bool:
    try:
        return bool(outcome.ended(cluster.get("Job", job)))
    except NotThereError:
        return True


def _of_pod(cluster: Cluster | None, name: str, kept: Try | None) -> Iterator[str]:
    """What a Pod says; where it may not be asked or went in between, what the store kept of it."""
    if cluster is None:
        return
    try:
        yield from cluster.logs(name, CONTAINER)
    except ClusterError as error:
        if kept is None:
            yield f"({error})"
        else:
            yield from kept.lines
