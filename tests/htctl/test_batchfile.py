from pathlib import Path
from typing import Any

import pytest

from htctl import batchfile
from pipeline.errors import ConfigError
from tests import factories

HEAD = "defaults: {source: jsonl, posts: 'posts/{handle}.jsonl', base_model: tiny}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "posts").mkdir()
    for handle in ("alice", "bob", "Carol"):
        (tmp_path / "posts" / f"{handle}.jsonl").write_text('{"text": "hello"}\n')
    return tmp_path


def load(folder: Path, text: str, **overrides: Any) -> batchfile.Batch:
    path = folder / "bots.yaml"
    path.write_text(text, encoding="utf-8")
    return batchfile.load(path, overrides)


def problems(folder: Path, text: str, **overrides: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text, **overrides)
    return str(caught.value).replace(f"{folder}/", "").split("\n       ")


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


def test_the_run_s_config_has_every_setting_written_out(folder: Path) -> None:
    batch = load(folder, "batch: nightly\n" + HEAD + "groups: [alice]\n")
    config = batch.run_config(batch.groups[0], "/store", {"alice": "0" * 64})
    assert (config.batch, config.store, config.handles) == ("nightly", "/store", ("alice",))
    assert config.train == batch.groups[0].settings.train
    assert config.posts == {"alice": "0" * 64}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "bots.yaml:1: must be a mapping with batch, store, consent, defaults, groups, not nothing"),
        ("- alice\n", "bots.yaml:1: must be a mapping with batch, store, consent, defaults, groups, not a list"),
        ("groups: []\n", "bots.yaml:1: groups: must be a list of at least one group of handles"),
        (HEAD + "groups: alice\n", "bots.yaml:2: groups: must be a list of at least one group of handles"),
        (HEAD + "groups: [alice]\ngruops: []\n", "bots.yaml:3: gruops: unknown key; did you mean 'groups'?"),
        ("batch: No Spaces\n" + HEAD + "groups: [alice]\n", "bots.yaml:1: batch: must be 1 to 40 of a-z"),
        ("batch: 5\n" + HEAD + "groups: [alice]\n", "bots.yaml:1: batch: must be text, not '5'"),
        (HEAD + "groups:\n- alice\n- 12345\n", "bots.yaml:4: groups[1]: must be a handle, handles joined by +"),
        (HEAD + "groups:\n- handles: [123]\n", "bots.yaml:3: groups[0].handles: must be text; put quotes around"),
        (HEAD + "groups:\n- train: {}\n", "bots.yaml:3: groups[0].handles: must be a list of handles"),
        (
            HEAD + "groups:\n- handles: [alice]\n  train: {epoch: 2}\n",
            "bots.yaml:4: groups[0].train.epoch: unknown key; did",
        ),
        (
            HEAD + "groups:\n- alice\n- dave\n",
            "bots.yaml:4: groups[1].posts: no such file: posts/dave.jsonl (posts of @dave)",
        ),
        (HEAD + "groups:\n- alice\n- Alice\n", "bots.yaml:4: groups[1]: the same handles as groups[0]: Alice"),
        (
            HEAD + "groups:\n- bob+alice\n- alice+bob\n",
            "bots.yaml:4: groups[1]: the same handles as groups[0]: alice+bob",
        ),
        (HEAD + "groups: [alice+ALICE]\n", "bots.yaml:2: groups[0].handles: @alice is named twice"),
        (HEAD + "groups: ['no spaces']\n", "bots.yaml:2: groups[0].handles: 'no spaces' is not a handle"),
        (
            HEAD + "groups:\n- 'no spaces'\n- handles: [alice]\n  trian: {}\n",
            "bots.yaml:3: groups[0].handles: 'no spaces' is not",
        ),
        (
            HEAD + "groups:\n- handles: [alice]\n  base_model: ./gone\n",
            "bots.yaml:4: groups[0].base_model: no such folder: ",
        ),
        (
            HEAD + "groups:\n- handles: [alice]\n  train: {epochs: many}\n",
            "bots.yaml:4: groups[0].train.epochs: must be a whole number, not 'many'",
        ),
        (
            HEAD + "groups:\n- handles: [alice]\n  resources: {memory: banana}\n",
            "resources.memory: must be a size such as 16Gi or 16G, not",
        ),
        (HEAD + "groups: ['alice+']\n", "bots.yaml:2: groups[0].handles: '' is not a handle"),
        (
            "defaults: {source: myspace}\ngroups: [alice]\n",
            "bots.yaml:1: defaults.source: must be one of jsonl, archive, ",
        ),
        (
            "defaults: {source: archive, posts: 'posts/{handle}.jsonl'}\ngroups: [alice]\n",
            "bots.yaml:2: groups[0].posts: posts/alice.jsonl (posts of @alice) is not X's archive, as a zip",
        ),
        (
            "defaults: {source: archive, posts: '{handle}'}\ngroups: [a.bsky.social]\n",
            "bots.yaml:2: groups[0].handles: 'a.bsky.social' is not a handle of source archive",
        ),
        (HEAD + "skip_bad: true\ngroups: [alice]\n", "bots.yaml:2: skip_bad: unknown key"),
        (
            "defaults: {skip_bad: 1}\ngroups: [alice]\n",
            "bots.yaml:1: defaults.skip_bad: must be true or false, not '1'",
        ),
        ("defaults: {base_model: tiny}\ngroups: [alice]\n", "bots.yaml:2: groups[0].posts: no posts file for @alice"),
        (HEAD + "groups:\n- handles: [alice, bob]\n  posts: posts/bob.jsonl\n", "two handles have one posts file"),
        (HEAD + "groups:\n- handles: [alice]\n  posts: [1]\n", "bots.yaml:4: groups[0].posts: must be a path"),
        (HEAD + "groups: [alice]\nbatch: a\nbatch: b\n", "bots.yaml:4: batch: is given twice, first in line 3"),
        (
            HEAD + "groups:\n- handles: [alice]\n  generate: {min_length: 500}\n",
            "bots.yaml:4: groups[0].generate.min_length: is",
        ),
        (
            HEAD + "groups:\n- handles: [alice]\n  resources: {gpus: 9}\n",
            "resources.gpus: must be between 0 and 8, not 9",
        ),
        (
            HEAD + "groups:\n- handles: [alice]\n  train: {batch_size: 2}\n  resources: {gpus: 4}\n",
            "bots.yaml:5: groups[0].resources.gpus: is 4, but a step has only 2 blocks to share (train.batch_size)",
        ),
    ],
)
def test_each_wrong_file_is_told_with_line_and_path(folder: Path, text: str, says: str) -> None:
    found = problems(folder, text)
    assert any(says in problem for problem in found), found


def test_all_problems_are_told_at_once(folder: Path) -> None:
    found = problems(folder, "store: 5\ndefaults: {trian: {}}\ngroups:\n- 5\n- handles: 7\nx: 1\n", nothing=1)
    assert len(found) == 6
    assert any(text.startswith("--set nothing: unknown key; known keys: posts, source, skip_bad, ") for text in found)


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


def test_an_archive_of_another_account_is_a_problem_before_anything_is_made(folder: Path) -> None:
    account = factories.assignment([{"account": {"username": "Bob"}}], "account")
    members: dict[str, str | bytes] = {"data/tweets.js": factories.assignment([]), "data/account.js": account}
    factories.write_archive(folder / "a.zip", members)
    (folder / "empty").mkdir()
    groups = "groups:\n- handles: [alice]\n  posts: a.zip\n- handles: [bob]\n  posts: empty\n"
    first, second = problems(folder, f"defaults: {{base_model: tiny}}\n{groups}")
    assert first == "bots.yaml:4: groups[0].posts: a.zip is the archive of @Bob, not of @alice"
    assert second.startswith(
        "bots.yaml:6: groups[1].posts: empty: not X's archive, which has its posts in data/tweets.js"
    )


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


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            HEAD + "groups:\n- handles: [alice]\n  kubernetes:\n    job:\n      backoffLimit: 1\n",
            "bots.yaml:6: groups[0].kubernetes.job.backoffLimit: cannot be changed here",
        ),
        (
            HEAD + "groups:\n- handles: [alice]\n  kubernetes: {namespace: a}\n",
            "bots.yaml:4: groups[0].kubernetes.namespace: is the whole batch's",
        ),
        ("defaults:\n  kubernetes: 5\ngroups: [alice]\n", "bots.yaml:2: defaults.kubernetes: must be a mapping"),
    ],
)
def test_wrong_kubernetes_settings_are_told_with_line_and_path(folder: Path, text: str, says: str) -> None:
    found = problems(folder, text)
    assert any(problem.startswith(says) for problem in found), found


def test_a_base_model_s_folder_may_be_one_of_the_pod_s(folder: Path) -> None:
    mounted = "{volumes: [{name: m, mountPath: /models, emptyDir: {}}]}"
    item = f"{{handles: [alice], base_model: /models/gpt2, kubernetes: {mounted}}}"
    assert load(folder, HEAD + f"groups: [{item}]\n").groups[0].settings.base_model == "/models/gpt2"


def test_accounts_of_several_sources_in_one_group(folder: Path) -> None:
    text = HEAD + "groups:\n- alice+bluesky:Carol.bsky.social\n- handles: ['mastodon:@u@server.org', bob]\n"
    first, second = load(folder, text).groups
    assert first.handles == ("alice", "Carol.bsky.social")
    assert [first.source_of(handle) for handle in first.handles] == ["jsonl", "bluesky"]
    assert second.sources == {"u@server.org": "mastodon"}
    assert list(first.posts) == ["alice"]  # the pattern is for the group's own source
    run = load(folder, text).run_config(first, "/store", {"alice": "0" * 64})
    assert run.qualified == ("alice", "bluesky:Carol.bsky.social")
    assert (run.handles, run.source) == (first.handles, "jsonl")


def test_a_group_whose_accounts_are_all_elsewhere_has_their_source(folder: Path) -> None:
    named = load(folder, HEAD + "groups: ['bluesky:a.bsky.social+bluesky:b.com']\n").groups[0]
    plain = load(folder, "defaults: {source: bluesky, base_model: tiny}\ngroups: [a.bsky.social+@b.com]\n").groups[0]
    assert (named.bot, named.settings, named.sources) == (plain.bot, plain.settings, {})
    assert named.settings.source == "bluesky"


def test_posts_files_are_for_sources_that_are_files(folder: Path) -> None:
    text = "defaults: {base_model: tiny}\ngroups:\n- handles: [alice, 'bluesky:a.com']\n"
    (found,) = problems(folder, text)
    assert found.startswith("bots.yaml:3: groups[0].posts: no posts file for @alice; give one")
