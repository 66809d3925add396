from pathlib import Path

import pytest

from tests import factories
from tests.htctl.batchfiles import HEAD, problems


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


def test_posts_files_are_for_sources_that_are_files(folder: Path) -> None:
    text = "defaults: {base_model: tiny}\ngroups:\n- handles: [alice, 'bluesky:a.com']\n"
    (found,) = problems(folder, text)
    assert found.startswith("bots.yaml:3: groups[0].posts: no posts file for @alice; give one")
