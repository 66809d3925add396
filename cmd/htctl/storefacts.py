"""What stores say of runs, each asked of its own store and in parallel: for each only what its state needs."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from htctl import runs
from k8s import stored
from k8s.states import Ask, Facts, Group
from pipeline import layout
from pipeline.errors import HtctlError, StoreError
from pipeline.layout import RunKeys
from pipeline.store import Store, open_store

AT_ONCE = 16  # requests to the store
TRAINED = ("generate", "card", "publish")  # the stages in which the training's numbers are there


class Readers:
    """Facts by the Job's name, of runs that may be in several stores.

    `named`: a person named `store`, so no other is asked, and a run that it knows nothing of is elsewhere. Else each
    run is asked of the store that its Job names; `store` is for those whose Jobs name none.
    """

    def __init__(self, store: Store, say: Callable[[str], None], *, deep: bool, named: bool) -> None:
        self._store, self._say, self._deep, self._named = store, say, deep, named
        self._readers: dict[str, Reader | None] = {"": Reader(store, say, deep=deep)}

    def read(self, wanted: Sequence[tuple[Group, Ask]]) -> Mapping[str, Facts | None]:
        """The facts of these groups; None where their store gives no answer, which is said."""
        parts: dict[str, list[tuple[Group, Ask]]] = {}
        for group, ask in wanted:
            parts.setdefault("" if self._named else group.store, []).append((group, ask))
        found: dict[str, Facts | None] = {}
        for address, part in parts.items():
            found |= self._read(address, part)
        for group, _ in wanted if self._named else ():
            facts = found[group.job]
            if facts and group.run and group.store not in ("", self._store.address) and not _tell(group, facts):
                found[group.job] = Facts(elsewhere=group.store)
        return found

    def _read(self, address: str, part: Sequence[tuple[Group, Ask]]) -> Mapping[str, Facts | None]:
        if address not in self._readers:
            self._readers[address] = self._opened(address)
        reader = self._readers[address]
        if reader is None:
            return {group.job: Facts(elsewhere=address) for group, _ in part}
        return reader.read(part)

    def _opened(self, address: str) -> "Reader | None":
        """None where it cannot be asked from here, such as a folder that only the Pods have."""
        if "://" not in address and not Path(address).is_dir():
            return None
        try:
            return Reader(open_store(address), self._say, deep=self._deep)
        except HtctlError as error:
            self._say(f"{error}; what came of the runs in it is not known")
            return None


def _tell(group: Group, facts: Facts) -> bool:
    """Whether a store knows anything of the run."""
    known = facts.lease or facts.attempts or stored.is_published(group, facts) or stored.is_unchanged(group, facts)
    return bool(known)


class Reader:
    """Facts by the Job's name. What came of a run is read once: it stays so, until its Job is another."""

    def __init__(self, store: Store, say: Callable[[str], None], *, deep: bool) -> None:
        self._store, self._say, self._deep = store, say, deep  # deep: the numbers and attempts of published runs too
        self._published: dict[tuple[str, str], Facts] = {}

    def read(self, wanted: Sequence[tuple[Group, Ask]]) -> Mapping[str, Facts | None]:
        """The facts of these groups; of all None where the store gives no answer, which is said."""
        asked = [(group, ask) for group, ask in wanted if group.run and (group.bot, group.run) not in self._published]
        found: dict[str, Facts | None] = {
            group.job: self._published.get((group.bot, group.run), Facts()) for group, _ in wanted
        }
        with ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                for (group, _), facts in zip(asked, pool.map(self._facts, asked), strict=True):
                    found[group.job] = facts
                    if facts.pointer.get("run") == group.run:
                        self._published[(group.bot, group.run)] = facts
            except StoreError as error:
                pool.shutdown(cancel_futures=True)
                self._say(f"{error}; what came of ended runs is not known")
                return {group.job: None for group, _ in wanted}
        return found

    def _facts(self, asked: tuple[Group, Ask]) -> Facts:
        group, ask = asked
        keys = RunKeys(group.bot, group.run)
        if ask is Ask.NOW:
            held = runs.lease_state(self._store.read(keys.lease))
            trained = held is not None and held.now.get("stage") in TRAINED
            return Facts(lease=held, train=self._train(keys) if trained else {})
        pointer = self._json(layout.latest(group.bot))
        if pointer.get("run") == group.run:
            if not self._deep:
                return Facts(pointer)
            return Facts(pointer, attempts=self._attempts(keys), train=self._train(keys))
        return Facts(
            pointer,
            self._store.exists(keys.stage(runs.PUBLISH)),
            runs.lease_state(self._store.read(keys.lease)),
            self._attempts(keys),
            self._train(keys),
        )

    def _train(self, keys: RunKeys) -> dict[str, Any]:
        result = self._json(keys.stage("train")).get("result")
        return result if isinstance(result, dict) else {}

    def _attempts(self, keys: RunKeys) -> tuple[dict[str, Any], ...]:
        found = self._json(keys.attempts).get("attempts")
        return tuple(found) if isinstance(found, list) else ()

    def _json(self, key: str) -> dict[str, Any]:
        """An object of the store; one that is no JSON says nothing."""
        return runs.object_at(self._store, key) or {}
