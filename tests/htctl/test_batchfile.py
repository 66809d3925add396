from pathlib import Path

import pytest

from htctl import batchfile
from pipeline.errors import ConfigError
from tests import factories
from tests.htctl.batchfiles import HEAD, load


def test_groups_as_one_handle_a_cyborg_and_a_mapping(folder: Path) -> None:
    batch = load(folder, HEAD + "groups:\n- alice\n- bob+Carol\n- handles: [alice, bob]\n  train: {epochs: 6}\n")
    assert [group.bot for group in batch.groups] == ["alice", "bob-carol", "alice-bob"]
    assert batch.groups[1].handles == ("bob", "Carol")
    assert batch.groups[1].posts["carol"] == folder / "posts" / "Carol.jsonl"
    assert batch.groups[2].settings.train.epochs == 6
    assert batch.name == "bots"


def test_built_in_below_defaults_below_group_below_command_line(folder: Path) -> None:
    text = (
        "defaults: {posts: 'posts/{handle}.jsonl', base_model: tiny, train: {epochs: 3, batch_size: 7}}\n"
        "groups: [alice, {handles: [bob], train: {epochs: 5}}]\n"
    )
    alice, bob = load(folder, text, train={"seed": 9}).groups
    assert (alice.settings.train.epochs, bob.settings.train.epochs) == (3, 5)
    assert (alice.settings.train.batch_size, alice.settings.train.seed) == (7, 9)
    assert alice.settings.train.block_size == 128  # tiny's own default
    assert alice.settings.train.max_grad_norm == 1.0
    assert load(folder, text, train={"epochs": 1}).groups[1].settings.train.epochs == 1


def test_a_group_s_base_model_brings_its_own_defaults(folder: Path) -> None:
    text = "defaults: {posts: 'posts/{handle}.jsonl'}\ngroups: [alice, {handles: [bob], base_model: tiny}]\n"
    alice, bob = load(folder, text).groups
    assert (alice.settings.train.block_size, bob.settings.train.block_size) == (1024, 128)


def test_paths_start_at_the_file(folder: Path) -> None:
    batch = load(folder, "store: ./kept\n" + HEAD + "groups: [alice]\n")
    assert batch.store == str(folder / "kept")
    assert load(folder, HEAD + "groups: [alice]\n").store == ""


def test_a_base_model_s_folder_is_found_from_the_file(folder: Path) -> None:
    (folder / "gpt2").mkdir()
    for written in ("./gpt2", "gpt2"):
        batch = load(folder, HEAD + f"groups: [{{handles: [alice], base_model: {written}}}]\n")
        assert batch.groups[0].settings.base_model == str(folder / "gpt2")
    batch = load(folder, HEAD + "groups: [{handles: [alice], base_model: openai-community/gpt2}]\n")
    assert batch.groups[0].settings.base_model == "openai-community/gpt2"


def test_a_base_model_that_the_image_has_need_not_be_here(folder: Path) -> None:
    batch = load(folder, HEAD + "groups: [{handles: [alice], base_model: /opt/models/gpt2}]\n")
    assert batch.groups[0].settings.base_model == "/opt/models/gpt2"
    with pytest.raises(ConfigError, match="base_model: no such folder: /models/gpt2"):
        load(folder, HEAD + "groups: [{handles: [alice], base_model: /models/gpt2}]\n")


def test_a_home_folder_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert load(folder, "store: ~/bots\n" + HEAD + "groups: [alice]\n").store == "/home/me/bots"


def test_an_at_sign_is_taken_off(folder: Path) -> None:
    assert load(folder, HEAD + "groups: ['@alice']\n").groups[0].handles == ("alice",)


def test_posts_for_each_handle(folder: Path) -> None:
    posts = "{A: posts/alice.jsonl, b: posts/bob.jsonl}"
    text = f"defaults: {{base_model: tiny}}\ngroups:\n- handles: [a, b]\n  posts: {posts}\n"
    assert load(folder, text).groups[0].posts == {"a": folder / "posts/alice.jsonl", "b": folder / "posts/bob.jsonl"}


def test_merge_goes_into_mappings() -> None:
    assert batchfile.merge({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 9}, "d": 4}) == {"a": {"b": 9, "c": 2}, "d": 4}


@pytest.mark.parametrize("source", ["jsonl", "archive"])
@pytest.mark.parametrize("form", ["{handle}.zip", "{handle}"])
def test_archives_are_posts_too(folder: Path, source: str, form: str) -> None:
    for handle in ("alice", "bob"):
        account = factories.assignment([{"account": {"username": handle}}], "account")
        members: dict[str, str | bytes] = {"data/tweets.js": factories.assignment([]), "data/account.js": account}
        factories.write_archive(folder / form.replace("{handle}", handle), members)
    text = f"defaults: {{source: {source}, posts: '{form}', base_model: tiny}}\ngroups: [alice, bob]\n"
    assert [group.settings.source for group in load(folder, text).groups] == [source, source]


def test_kubernetes_settings_merge_like_the_others_and_stay_out_of_the_run(folder: Path) -> None:
    text = (
        "defaults: {posts: 'posts/{handle}.jsonl', base_model: tiny, kubernetes: {image: a, env: {A: '1'}}}\n"
        "groups: [alice, {handles: [bob], kubernetes: {env: {B: '2'}}}]\n"
    )
    batch = load(folder, text, kubernetes={"image": "b"})
    alice, bob = batch.groups
    assert (alice.kubernetes.image, alice.kubernetes.env) == ("b", {"A": "1"})
    assert bob.kubernetes.env == {"A": "1", "B": "2"}
    other = load(folder, text.replace("image: a", "queue: q"))
    assert batch.run_config(bob, "s", {}) == other.run_config(other.groups[1], "s", {})


def test_a_base_model_s_folder_may_be_one_of_the_pod_s(folder: Path) -> None:
    mounted = "{volumes: [{name: m, mountPath: /models, emptyDir: {}}]}"
    item = f"{{handles: [alice], base_model: /models/gpt2, kubernetes: {mounted}}}"
    assert load(folder, HEAD + f"groups: [{item}]\n").groups[0].settings.base_model == "/models/gpt2"
