from pathlib import Path

import pytest

from tests.htctl.clusters import fake, names  # noqa: F401 - a fixture
from tests.htctl.runner import Ran, htctl
from tests.k8s.apiserver import State


@pytest.fixture
def there(fake: State) -> State:  # noqa: F811
    assert htctl("submit", "-f", "bots.yaml").code == 0
    return fake


def cancel(*arguments: str) -> Ran:
    return htctl("cancel", "--batch=night", *arguments)


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ([], []),
        (["alice"], ["alice-bob", "bob"]),
        (["bob+Alice"], ["alice", "bob"]),
        (["alice*"], ["bob"]),
        (["-l", "htctl.dev/bot=none"], ["alice", "alice-bob", "bob"]),
    ],
)
def test_all_or_what_is_named_is_cancelled(there: State, wanted: list[str], left: list[str]) -> None:
    cancel("--yes", *wanted)
    assert sorted(names(there)) == left


def test_the_batch_file_names_the_batch_though_its_posts_are_gone(there: State) -> None:
    Path("alice.jsonl").unlink()
    ran = htctl("cancel", "-f", "bots.yaml", "--yes")
    assert (ran.code, ran.err) == (0, "cancelled 3 Jobs of batch night: alice, alice-bob, bob\n")


def test_what_has_ended_stays_unless_asked_for(there: State) -> None:
    there.end(names(there)["bob"])
    assert "1 had ended (--finished deletes them)" in cancel("--yes").err
    assert list(names(there)) == ["bob"]
    assert "nothing to cancel" in cancel("--yes").err
    cancel("--yes", "--finished")
    assert there.objects["Job"] == {}


def test_in_a_pipe_nothing_goes_without_yes(there: State) -> None:
    ran = cancel()
    assert (ran.code, "nothing was cancelled; --yes cancels 3 of 3 Jobs of batch night in bots" in ran.err) == (2, True)
    assert len(there.objects["Job"]) == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--batch=none"], "has no Jobs of batch none; it has those of night"),
        (["--batch=night", "carol"], "carol: no such Job of the batch is in the cluster; it has alice, alice-bob, bob"),
        ([], "say which batch"),
    ],
)
def test_what_is_not_there_is_2_with_what_is(there: State, arguments: list[str], says: str) -> None:
    ran = htctl("cancel", "--yes", *arguments)
    assert (ran.code, says in ran.err) == (2, True)
