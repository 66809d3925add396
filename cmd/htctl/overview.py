"""A batch looked at from both sides: opens the cluster and the store, and goes on with one where the other is away."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from htctl import batches, options, output
from htctl.batches import NamedBatch
from htctl.storefacts import Reader, Readers
from k8s import cluster as clusters
from k8s import look, raw
from k8s.board import Board
from k8s.cluster import Cluster
from k8s.errors import ClusterError
from k8s.manifests import Manifest
from k8s.mirror import Mirror
from k8s.states import Group, GroupState
from pipeline.errors import ConfigError, StoreError
from pipeline.store import Store, open_store

PATIENCE_S = 15.0  # somebody waits for the answer


@dataclass(frozen=True)
class Asked:
    """What a person asked for, as the commands' options have it."""

    file: Path | None = None
    batch: str = ""
    groups: Sequence[str] = ()
    handle: str = ""
    store: str = ""
    namespace: str = ""
    context: str = ""


@dataclass(frozen=True)
class Overview:
    """A batch, what was found of it, and where; no cluster: it was not to be asked."""

    batch: NamedBatch
    store: Store
    cluster: Cluster | None
    mirror: Mirror
    board: Board
    named: bool = True  # a person named the store, so no other is looked into

    @property
    def name(self) -> str:
        """What the batch is called in a line."""
        return f"batch {self.batch.name}" if self.batch.name else "all batches"

    @property
    def namespace(self) -> str:
        """Where its Jobs are."""
        return self.cluster.namespace if self.cluster else self.batch.namespace

    def store_of(self, group: Group) -> Store:
        """Where a group's run is kept: the store that was named, else its Job's own."""
        return open_store(group.store) if group.store and not self.named else self.store

    def states(self) -> list[GroupState]:
        """Every group's state."""
        return list(self.board.states.values())


def take(asked: Asked, *, deep: bool) -> Overview:
    """Look once at all of it; `deep`: the numbers of what is published too. No such batch: ConfigError."""
    batch = batches.find(asked.file, asked.batch)
    named = options.named_store(asked.store, batch.store)
    groups, namespace = _submitted(named, batch.name) if named else ([], "")
    cluster, mirror = _look(asked.namespace or batch.namespace or namespace, asked.context, batch.name)
    address = named or batches.store_of_jobs(mirror) or options.DEFAULT_STORE
    if not named:
        groups, namespace = _submitted(address, batch.name)
    store = open_store(address)
    reader = Readers(store, output.note, deep=deep, named=bool(named))
    keep = batches.keeping(asked.groups, asked.handle)
    board = Board(groups, reader.read, keep, asked=cluster is not None)
    board.update(mirror)
    if not board.states:
        options.existing_store(asked.store, batch.store)
        there = {group.job: group for group in (*groups, *map(raw.group, mirror.jobs.values()))}.values()
        where = f"namespace {cluster.namespace}" if cluster else "no cluster"
        raise ConfigError(_none_of(asked, batch.name, list(there)) or _nothing(asked, batch.name, where, address))
    return Overview(batch, store, cluster, mirror, board, bool(named))


def _none_of(asked: Asked, batch: str, there: Sequence[Group]) -> str:
    """That a batch that is there has no such group; empty where nothing is there at all."""
    if not there:
        return ""
    wanted = [f"bot {' or '.join(map(repr, asked.groups))}"] if asked.groups else []
    wanted += [f"handle {asked.handle!r}"] if asked.handle else []
    names = {handle for each in there for handle in each.handles} if asked.handle else {each.bot for each in there}
    whose = f"batch {batch} has" if batch else "these batches have"
    return f"{whose} no {' with '.join(wanted)}; {'they have' if not batch else 'it has'} {output.some(sorted(names))}"


def _nothing(asked: Asked, batch: str, where: str, address: str) -> str:
    what = f"batch '{batch}'" if batch else "Job of htctl's"
    more = "--namespace, --store" if asked.file else "--namespace, --store, or -f bots.yaml"
    return f"no {what} in {where}, nor in the store {address} ({more})"


def submitted(cluster: Cluster, store: Store, batch: str, jobs: Sequence[Manifest], unsent: Set[str]) -> Overview:
    """The groups of some Jobs of a batch that are being sent; `unsent` are those that wait here."""
    mirror = look.mirror(cluster, batch)
    mirror.unsent = unsent
    groups = [raw.group(job) for job in jobs]
    names = {group.job for group in groups}
    board = Board(groups, Reader(store, output.note, deep=False).read, lambda group: group.job in names)
    board.update(mirror)
    return Overview(NamedBatch(batch, store.address, cluster.namespace), store, cluster, mirror, board)


def _look(namespace: str, context: str, batch: str) -> tuple[Cluster | None, Mirror]:
    try:
        cluster = clusters.connect(namespace, context, PATIENCE_S)
        return cluster, look.mirror(cluster, batch)
    except (ClusterError, ConfigError) as error:
        output.note(f"{error}\nshown is what the store has")
        return None, Mirror()


def _submitted(address: str, batch: str) -> tuple[list[Group], str]:
    try:
        return batches.submitted(open_store(address), batch)
    except StoreError as error:
        output.note(f"{error}; shown is what the cluster has")
        return [], ""
