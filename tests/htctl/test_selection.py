from pathlib import Path

import pytest

from htctl import selection
from htctl.batch import Batch
from pipeline.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    for handle in ("alice", "bob"):
        (tmp_path / f"{handle}.jsonl").write_text('{"text": "hello"}\n')
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
    with pytest.raises(ConfigError, match=r"alcie is no group of the batch file; did you mean alice\?"):
        chosen(file, "alcie")


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


def test_groups_whose_handles_are_elsewhere_are_found_by_bot_names_or_sources(file: Path) -> None:
    file.write_text("defaults: {source: bluesky}\ngroups: [a.com, 'a.com+mastodon:u@server.org']\n")
    alone, both = chosen(file)
    assert chosen(file, "@A.com") == chosen(file, "bluesky:a.com") == [alone]
    assert chosen(file, "u@server.org+a.com") == chosen(file, "mastodon:@u@server.org+bluesky:a.com") == [both]


def test_handles_on_the_command_line_may_name_their_source(files: list[str]) -> None:
    made = of_handles(["bluesky:a.com+bob"], [files[1]])
    assert made.groups[0].posts == {"bob": Path(files[1])}
    assert made.groups[0].sources == {"a.com": "bluesky"}
    assert of_handles(["bluesky:a.com"], []).groups[0].settings.source == "bluesky"
    with pytest.raises(ConfigError, match="there are more posts files than handles"):
        of_handles(["bluesky:a.com"], files[:1])
    named = of_handles(["bluesky:a.com"], [f"bluesky:@a.com={files[0]}"])
    assert named.groups[0].posts == {"a.com": Path(files[0])}
