import json

from htctl.storefacts import Reader
from k8s.states import Ask, Facts, Group
from pipeline import layout
from pipeline.errors import StoreError
from pipeline.store.folder import FolderStore
from tests.htctl.stores import add_run

GROUP = Group("alice", "night-0000aaaa", "alice-1", ("alice",))


class Counting(FolderStore):
    """A store that keeps which keys were read."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]
        self.keys: list[str] = []

    def read(self, key: str):  # type: ignore[no-untyped-def]
        self.keys.append(key)
        return super().read(key)


def reader(store: FolderStore, deep: bool = False) -> tuple[Reader, list[str]]:
    said: list[str] = []
    return Reader(store, said.append, deep=deep), said


def facts(store: FolderStore, ask: Ask, deep: bool = False) -> Facts:
    found = reader(store, deep)[0].read([(GROUP, ask)])[GROUP.job]
    assert found is not None
    return found


def test_of_a_published_run_the_pointer_is_enough_and_read_once(store: FolderStore) -> None:
    add_run(store, GROUP.run, current=True)
    counting = Counting(store.root)
    reading, _ = reader(counting)
    for _ in range(2):
        assert reading.read([(GROUP, Ask.END)])[GROUP.job] == Facts(pointer={"run": GROUP.run})
    assert counting.keys == ["bots/alice/latest.json"]


def test_the_numbers_of_a_published_run_come_with_deep(store: FolderStore) -> None:
    keys = add_run(store, GROUP.run, current=True)
    store.write(keys.stage("train"), json.dumps({"result": {"before": {"bits_per_byte": 3.0}}}).encode())
    store.write(keys.attempts, json.dumps({"attempts": [{"attempt": 1}]}).encode())
    found = facts(store, Ask.END, deep=True)
    assert (found.train["before"], found.attempts) == ({"bits_per_byte": 3.0}, ({"attempt": 1},))


def test_of_a_run_at_work_the_lease_is_read(store: FolderStore) -> None:
    add_run(store, GROUP.run, done=(), lease={"now": {"stage": "train", "done": 1, "total": 4}})
    found = facts(store, Ask.NOW)
    assert found.lease is not None
    assert found.lease.now["total"] == 4
    assert found.pointer == {}


def test_a_run_that_the_pointer_does_not_name_any_more_is_complete(store: FolderStore) -> None:
    add_run(store, GROUP.run)
    store.write(layout.latest("alice"), json.dumps({"run": "later-0000bbbb"}).encode())
    found = facts(store, Ask.END)
    assert (found.complete, found.pointer["run"]) == (True, "later-0000bbbb")


def test_what_is_no_json_says_nothing(store: FolderStore) -> None:
    keys = add_run(store, GROUP.run, done=())
    store.write(keys.attempts, b"half of")
    store.write(keys.lease, b"[]")
    assert facts(store, Ask.END) == Facts()


def test_a_store_without_an_answer_is_said_and_nothing_is_known(store: FolderStore) -> None:
    class Away(FolderStore):
        def read(self, key: str):  # type: ignore[no-untyped-def]
            raise StoreError("store x gives no answer")

    reading, said = reader(Away(store.root))
    assert reading.read([(GROUP, Ask.END)]) == {GROUP.job: None}
    assert said == ["store x gives no answer; what came of ended runs is not known"]
