from pathlib import Path

import pytest

from htctl import selection
from htctl.batchfile import Batch
from pipeline.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    for handle in ("alice", "bob"):
        (tmp_path / f"{handle}.jsonl").touch()
    path = tmp_path / "bots.yaml"
    path.write_text("defaults: {posts: '{handle}.jsonl'}\ngroups: [alice, alice+bob, bob]\n")
    return path


@pytest.fixture
def files(file: Path) -> list[str]:
    return [str(file.parent / name) for name in ("alice.jsonl", "bob.jsonl")]


def of_handles(groups: list[str], posts: list[str]) -> Batch:
    return selection.asked(None, groups, posts, {}, "")


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


@pytest.mark.parametrize("given", [["alice=x", "alice=y"], ["@alice=x", "Alice=y"]])
def test_two_files_for_one_handle_are_refused(given: list[str]) -> None:
    with pytest.raises(ConfigError, match="@alice has x already"):
        of_handles(["alice"], given)


def test_a_handle_in_two_groups_has_one_file(files: list[str]) -> None:
    one, both = of_handles(["alice", "alice+bob"], files).groups
    assert both.posts == {"alice": Path(files[0]), "bob": Path(files[1])}
    assert one.posts["alice"] == Path(files[0])


def test_posts_by_name_and_in_order(files: list[str]) -> None:
    by_order = of_handles(["alice+bob"], files)
    by_name = of_handles(["alice+bob"], [f"Bob={files[1]}", f"alice={files[0]}"])
    mixed = of_handles(["alice+bob"], [f"bob={files[1]}", files[0]])
    swapped = of_handles(["alice+bob"], files[::-1])
    assert swapped.groups[0].posts == by_order.groups[0].posts  # alice.jsonl is alice's wherever it stands
    assert by_order.groups[0].posts == by_name.groups[0].posts == mixed.groups[0].posts
    assert by_order.name == "alice-bob"


def test_several_groups_share_one_batch(files: list[str]) -> None:
    batch = of_handles(["alice", "bob"], files)
    assert [group.bot for group in batch.groups] == ["alice", "bob"]
    assert batch.name == "alice-bob"
