"""What the store says of runs, read in parallel: for each only what its state needs."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from htctl import runs
from k8s.states import Ask, Facts, Group
from pipeline import layout
from pipeline.errors import StoreError
from pipeline.layout import RunKeys
from pipeline.store import Store

AT_ONCE = 16  # requests to the store
TRAINED = ("generate", "card", "publish")  # the stages in which the training's numbers are there


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
