import json
from pathlib import Path

import pytest

from pipeline import layout
from pipeline.store import open_store
from tests.htctl.clusters import fake, names  # noqa: F401 - a fixture
from tests.htctl.runner import Ran, htctl
from tests.k8s.apiserver import State


@pytest.fixture
def there(fake: State) -> State:  # noqa: F811
    assert htctl("submit", "-f", "bots.yaml").code == 0
    return fake


def retry(*arguments: str) -> Ran:
    return htctl("retry", "-f", "bots.yaml", *arguments)


def publish(state: State, bot: str) -> None:
    run = state.objects["Job"][names(state)[bot]]["metadata"]["annotations"]["htctl.dev/run"]
    open_store("store").write(layout.latest(bot), json.dumps({"run": run, "config": run[-8:]}).encode())


def test_what_goes_on_or_is_published_is_not_retried(there: State) -> None:
    publish(there, "alice")
    there.end(names(there)["alice"])
    assert "nothing to retry: none of these 3 groups" in retry().err


def test_what_says_failed_is_replaced_with_the_changes(there: State) -> None:
    there.end(names(there)["bob"], "Failed")
    ran = retry("--set=resources.memory=32Gi")
    assert (ran.code, "retried 1 of 3 groups: bob" in ran.err) == (0, True)
    assert "--set resources.memory=32Gi is not in bots.yaml: write it there, or the next htctl submit" in ran.err
    containers = {
        bot: there.objects["Job"][name]["spec"]["template"]["spec"]["containers"] for bot, name in names(there).items()
    }
    assert {bot: found[0]["resources"]["limits"]["memory"] for bot, found in containers.items()} == {
        "alice": "16Gi", "bob": "32Gi", "alice-bob": "16Gi"
    }  # fmt: skip


def test_what_ended_without_a_bot_has_failed(there: State) -> None:
    there.end(names(there)["alice"])
    publish(there, "bob")
    for bot in ("bob", "alice-bob"):
        there.change("DELETED", "Job", there.objects["Job"][names(there)[bot]])
    ran = retry()
    assert "retried 1 of 3 groups: alice" in ran.err
    assert sorted(names(there)) == ["alice"]


def test_what_was_cancelled_is_retried_only_if_it_is_named(there: State) -> None:
    for bot in ("bob", "alice-bob"):
        there.change("DELETED", "Job", there.objects["Job"][names(there)[bot]])
    assert "failed; 2 cancelled: named here, they are retried too" in retry().err
    assert "retried 1 of 1 groups: bob" in retry("bob").err
    assert sorted(names(there)) == ["alice", "bob"]


def test_what_was_never_submitted_is_not_retried(fake: State) -> None:  # noqa: F811
    htctl("submit", "-f", "bots.yaml", "alice")
    there = Path("store", layout.batch("night")).read_text()
    ran = retry("bob")
    assert (ran.code, "batch night has no bot 'bob'; it has alice" in ran.err) == (2, True)
    assert Path("store", layout.batch("night")).read_text() == there


def test_a_batch_file_is_needed() -> None:
    ran = htctl("retry", "--batch", "second")
    assert (ran.code, "retry needs the batch file: -f bots.yaml" in ran.err) == (2, True)
