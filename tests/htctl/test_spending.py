import collections
import json
from typing import Any

from htctl import spending
from htctl.spending import Spent
from pipeline import layout
from pipeline.accounts import Account, Profile, Sweep
from pipeline.store import Versioned
from pipeline.store.folder import FolderStore

PROFILE = Profile("1", "alice", "", "", "", "", False, None, None)


class Counting(FolderStore):
    """A folder that counts how often each key is read."""

    def __init__(self, root: Any) -> None:
        super().__init__(root)
        self.reads = collections.Counter[str]()

    def read(self, key: str) -> Versioned | None:
        self.reads[key] += 1
        return super().read(key)


def account(store: FolderStore, handle: str, posts: int, spent: float, source: str = "x") -> None:
    made = Account(PROFILE, (Sweep(posts=posts, complete=True),), spent=spent)
    store.write(layout.AccountKeys(source, handle).index, made.to_bytes())


def run(store: FolderStore, bot: str, *handles: str, **asked: Any) -> tuple[str, str]:
    about = {"asked": {"source": "x", "handles": handles, **asked}}
    store.write(layout.RunKeys(bot, "r-1").config, json.dumps(about).encode())
    return bot, "r-1"


def test_an_account_that_many_need_is_read_and_counted_once(store: FolderStore) -> None:
    counting = Counting(store.root)
    account(store, "alice", 3000, 15.01)
    account(store, "bob", 100, 0.51)
    wanted = [run(store, "alice", "Alice"), run(store, "alice-bob", "alice", "bob"), run(store, "bob", "bob")]
    found = spending.read(counting, [*wanted, ("gone", "r-9"), ("scrape-night-1", "")])
    assert found.of("alice", "r-1") == Spent(3000, 15.01)
    assert found.of("alice-bob", "r-1") == Spent(3100, 15.52)
    assert found.of("gone", "r-9") == Spent()
    assert found.as_json() == {"posts": 3100, "spent": 15.52}
    assert [counting.reads[layout.AccountKeys("x", name).index] for name in ("alice", "bob")] == [1, 1]
    assert sum(counting.reads.values()) == 2 + 4


def test_what_files_and_other_sources_gave_costs_nothing(store: FolderStore) -> None:
    for name, source in (("alice", "x"), ("bob", "x"), ("carol.example", "bluesky")):
        account(store, name, 10, 1.0, source)
    of_file = run(store, "one", "alice", posts={"alice": "0" * 64})
    mixed = run(store, "two", "bob", "carol.example", source="bluesky", sources={"bob": "x"})
    found = spending.read(store, [of_file, mixed])
    assert (found.of(*of_file), found.of(*mixed), found.of(*of_file).cell) == (Spent(), Spent(10, 1.0), "")
