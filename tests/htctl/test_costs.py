from pathlib import Path
from typing import Any

import pytest

from htctl import batchfile, costs
from htctl.batch import Batch
from pipeline.accounts import Account, Profile, Sweep
from pipeline.errors import TooDearError
from pipeline.store.folder import FolderStore


def batch(*groups: Any, **defaults: Any) -> Batch:
    data = {"groups": list(groups), "defaults": {"source": "x", **defaults}}
    return batchfile.build(data, {}, name="b", folder=Path())


def keep(store: FolderStore, handle: str, have: int, *, there: int | None = None, complete: bool = True) -> None:
    profile = Profile("1", handle, "", "", "", "", False, there, None)
    sweep = Sweep(posts=have, pages=1, complete=complete)
    store.write(
        f"posts/x/{handle}/index.json", Account(profile, (sweep,), requests=2, spent=0.01 + have * 0.005).to_bytes()
    )


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


def test_each_account_counts_once_and_up_to_the_cap(store: FolderStore, capsys: pytest.CaptureFixture[str]) -> None:
    costs.tell(batch("alice+bob", "Bob+carol"), store, None)
    assert told(capsys) == "posts of @alice, @bob, @carol cost up to $48.03 at X\n"


def test_what_is_kept_is_taken_off(store: FolderStore, capsys: pytest.CaptureFixture[str]) -> None:
    keep(store, "alice", 3200)
    keep(store, "bob", 200, there=1200, complete=False)
    costs.tell(batch("alice+bob+carol"), store, None)
    assert told(capsys) == "posts of @bob, @carol cost up to $21.01 at X; 1 more are kept\n"
    costs.tell(batch("alice"), store, 0)
    assert told(capsys) == ""


def test_asked_anew_what_is_kept_costs_once_more(store: FolderStore, capsys: pytest.CaptureFixture[str]) -> None:
    keep(store, "alice", 1000, there=1200)
    costs.tell(batch("alice"), store, None, anew=True)
    assert told(capsys) == "posts of @alice cost up to $6.00 at X\n"


def test_above_what_was_allowed_nothing_is_asked(store: FolderStore) -> None:
    costs.tell(batch("alice"), store, 16.01)
    with pytest.raises(TooDearError, match=r"@alice cost up to \$16.01 at X; that is above --max-cost 16, so nothing"):
        costs.tell(batch("alice"), store, 16)


def test_the_prices_are_settings(store: FolderStore, capsys: pytest.CaptureFixture[str]) -> None:
    costs.tell(batch("alice", scrape={"post_price": 0.001, "account_price": 0}), store, None)
    assert "up to $3.20 at X" in told(capsys)
    costs.tell(batch("alice", scrape={"post_price": 0, "account_price": 0}), store, 0)
    assert told(capsys) == ""


@pytest.mark.parametrize(("posts", "says"), [(500, "up to $2.51"), (450, "up to $2.51"), (9999, "up to $16.01")])
def test_no_more_is_told_than_is_wanted(
    store: FolderStore, capsys: pytest.CaptureFixture[str], posts: int, says: str
) -> None:
    costs.tell(batch("alice", scrape={"posts": posts}), store, None)
    assert says in told(capsys)


def test_posts_from_files_cost_nothing(store: FolderStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jsonl").write_text("{}")
    costs.tell(batch("alice", posts={"alice": str(tmp_path / "a.jsonl")}), store, 0)
    assert told(capsys) == ""


def test_what_was_spent(store: FolderStore) -> None:
    assert costs.spent(store) == (0, 0)
    keep(store, "alice", 200)
    keep(store, "bob", 100)
    assert costs.spent(store) == (2, pytest.approx(1.52))
