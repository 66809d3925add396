from pathlib import Path

import pytest

from htctl import selection
from pipeline.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    for handle in ("alice", "bob"):
        (tmp_path / f"{handle}.jsonl").touch()
    path = tmp_path / "bots.yaml"
    path.write_text("defaults: {posts: '{handle}.jsonl'}\ngroups: [alice, alice+bob, bob]\n")
    return path


def chosen(file: Path, *groups: str, name: str = "") -> list[str]:
    return [group.bot for group in selection.load(file, {}, groups, name).groups]


def test_all_groups_where_none_is_named(file: Path) -> None:
    assert chosen(file) == ["alice", "alice-bob", "bob"]


def test_groups_by_bot_or_by_handles_in_any_order_and_once(file: Path) -> None:
    assert chosen(file, "Bob+alice", "alice-bob", "@bob") == ["alice-bob", "bob"]


def test_a_group_that_is_not_there_is_told_with_those_that_are(file: Path) -> None:
    with pytest.raises(ConfigError, match="carol is no group of the batch file; it has alice, alice-bob, bob"):
        chosen(file, "carol")


def test_another_name(file: Path) -> None:
    assert selection.load(file, {}, [], "nightly").name == "nightly"
    assert selection.load(file, {}, [], "").name == "bots"
    with pytest.raises(ConfigError, match="--batch No!: must be 1 to 40"):
        selection.load(file, {}, [], "No!")
