import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.config import RunConfig
from tests import factories, mounts, s3server, xserver
from tests.htctl.runner import Ran, htctl

QUICK = ["--base-model=tiny", "--set=train.epochs=1", "--set=generate.samples=1", "--set=generate.copies=0"]
QUICK += ["--set=clean.min_characters=100", "--set=train.choose=last"]


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    factories.write_posts(tmp_path / "alice.jsonl", factories.sentences(60))
    factories.write_posts(tmp_path / "bob.jsonl", factories.sentences(60, "dear "))
    factories.write_posts(tmp_path / "few.jsonl", ["only these few words"])
    return tmp_path


def run(folder: Path, *arguments: str) -> Ran:
    return htctl("run", *arguments, "--store", str(folder / "store"))


@pytest.mark.slow
def test_one_handle_and_its_posts(posts: Path) -> None:
    ran = run(posts, "alice", "--posts", str(posts / "alice.jsonl"), *QUICK)
    assert ran.code == 0
    assert ran.out.startswith("alice\n  posts     @alice: 60 downloaded")
    pointer = json.loads((posts / "store/bots/alice/latest.json").read_text())
    assert pointer["run"].startswith("alice-")
    again = run(posts, "alice", "--posts", str(posts / "alice.jsonl"), *QUICK)
    assert (again.code, again.out) == (0, ran.out)


@pytest.mark.slow
def test_a_batch_goes_on_after_a_bot_that_failed_and_ends_with_1(posts: Path) -> None:
    (posts / "bots.yaml").write_text("defaults: {posts: '{handle}.jsonl'}\ngroups: [few, alice+bob]\n")
    ran = run(posts, "-f", str(posts / "bots.yaml"), *QUICK)
    assert ran.code == 1
    assert "alice-bob\n" in ran.out
    assert "1 of 2 bots are published; failed: few" in ran.err
    assert not (posts / "store/bots/few/latest.json").exists()


@pytest.mark.slow
def test_a_single_bot_s_own_exit_code_is_passed_on(posts: Path) -> None:
    assert run(posts, "few", "--posts", str(posts / "few.jsonl"), *QUICK).code == 65


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "say what to make"),
        (["nobody", "-f", "bots.yaml"], "nobody is no group of the batch file; it has few, alice-bob"),
        (["alice", "--posts", "bob=x"], "--posts bob=x: @bob is not among the handles: alice"),
        (["alice", "--posts", "."], ".: not X's archive, which has its posts in data/tweets.js"),
        (["alice", "--posts", "/dev/null"], "not a file: /dev/null (posts of @alice)"),
        (["alice", "--posts", "no.zip"], "no.zip: no zip, or only a part of one"),
        (["bob", "--posts", "alice.zip"], "alice.zip is the archive of @Alice, not of @bob"),
        (["alice", "--posts", "x", "--base-model", "Tiny"], "'Tiny': did you mean 'tiny'?"),
        (["alice"], "no posts file for @alice; give one (on the command line: --posts FILE)"),
        (["alice", "--posts", "nowhere.jsonl"], "no such file: nowhere.jsonl (posts of @alice)"),
        (["alice", "--posts", "a", "--posts", "b"], "--posts b: there are more posts files than handles"),
        (["-f", "nowhere.yaml"], "nowhere.yaml: No such file or directory"),
        (["not a handle", "--posts", "x"], "'not a handle' is not a handle"),
        (["alice", "--posts", "x", "--set", "train.epoch=1"], "--set train.epoch: unknown key; did you mean 'epochs'?"),
        (["alice", "--posts", "x", "--batch", "No!"], "--batch No!: must be 1 to 40"),
    ],
)
def test_wrong_usage_is_2_with_what_to_do(
    posts: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(posts)
    (posts / "x").write_text("{}")
    (posts / "no.zip").write_text("{}")
    account = factories.assignment([{"account": {"username": "Alice"}}], "account")
    factories.write_archive(posts / "alice.zip", {"data/tweets.js": "x = []", "data/account.js": account})
    (posts / "bots.yaml").write_text("defaults: {posts: '{handle}.jsonl'}\ngroups: [few, alice+bob]\n")
    ran = run(posts, *arguments)
    assert ran.code == 2
    assert says in ran.err
    assert "groups[" not in ran.err
    assert not (posts / "store").exists()


def test_posts_that_cannot_be_taken_from_an_archive_fail_their_bot_alone(
    posts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr("htctl.process.run_pipeline", lambda config: made.extend(config.handles) or 1)
    factories.write_archive(posts / "carol", {"data/tweets.js": 'x = [{"text": "a"}, {'})
    (posts / "bots.yaml").write_text("defaults: {posts: '{handle}'}\ngroups: [carol, {handles: [a], posts: few.jsonl}]")
    ran = run(posts, "-f", str(posts / "bots.yaml"), *QUICK)
    assert (ran.code, made) == (1, ["a"])
    assert "carol: data/tweets.js: item 2, near character" in ran.err
    assert "failed: carol, a" in ran.err
    assert run(posts, "carol", "--posts", str(posts / "carol"), *QUICK).code == 64


@pytest.mark.parametrize("flag", [[], ["--skip-bad"], ["--set=skip_bad=true"]])
def test_skip_bad_is_a_setting(posts: Path, monkeypatch: pytest.MonkeyPatch, flag: list[str]) -> None:
    asked: list[RunConfig] = []
    monkeypatch.setattr("htctl.process.run_pipeline", lambda config: asked.append(config) or 1)
    run(posts, "few", "--posts", str(posts / "few.jsonl"), *QUICK, *flag)
    assert [config.skip_bad for config in asked] == [bool(flag)]


@pytest.mark.slow
def test_an_archive_just_works_and_is_the_same_run_again(posts: Path) -> None:
    items = [factories.tweet(text, id_str=str(i)) for i, text in enumerate(factories.sentences(60))]
    private = {"data/direct-messages.js": "secret", "data/account.js": "x = []"}
    factories.write_archive(posts / "twitter-2026.zip", {"data/tweets.js": factories.assignment(items), **private})
    first = run(posts, "alice", "--posts", str(posts / "twitter-2026.zip"), *QUICK)
    assert first.code == 0
    assert "alice\n  posts     @alice: 60 downloaded" in first.out
    assert "@alice: 60 posts taken from" in first.err
    again = run(posts, "alice", "--posts", str(posts / "twitter-2026.zip"), "--set=source=archive", *QUICK)
    assert (again.code, again.out) == (0, first.out)
    assert len(list((posts / "store/bots/alice/runs").iterdir())) == 1


def test_some_groups_of_a_batch(posts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr("htctl.process.run_pipeline", lambda config: made.extend(config.handles) or 1)
    (posts / "bots.yaml").write_text("defaults: {posts: '{handle}.jsonl'}\ngroups: [few, alice+bob, bob]\n")
    run(posts, "bob+alice", "-f", str(posts / "bots.yaml"), *QUICK)
    assert made == ["alice", "bob"]


def test_ctrl_c_ends_the_batch_and_not_only_the_bot(posts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []

    def interrupted(config: RunConfig) -> int:
        started.extend(config.handles)
        return 130

    monkeypatch.setattr("htctl.process.run_pipeline", interrupted)
    ran = run(posts, "alice", "bob", "--posts", str(posts / "alice.jsonl"), "--posts", str(posts / "bob.jsonl"), *QUICK)
    assert (ran.code, started) == (130, ["alice"])


def refused(ran: Ran) -> str:
    """What is said of a store that cannot be used: one line, and exit code 1."""
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    return ran.err


def run_into(store: str, posts: Path) -> Ran:
    return htctl("run", "alice", "--posts", str(posts / "alice.jsonl"), *QUICK, "--store", store)


def test_a_store_that_is_a_file_is_one_line(posts: Path) -> None:
    file = posts / "file"
    file.write_text("x")
    ran = run_into(str(file), posts)
    assert (ran.code, ran.err) == (2, f"error: store '{file}': must be a folder or s3://BUCKET/PREFIX\n")
    said = refused(run_into(str(file / "store"), posts))
    assert said.startswith(f"error: store {file}/store cannot be read or written: ")
    assert (posts / "file").read_text() == "x"


def test_a_store_on_a_read_only_disk_is_one_line(posts: Path) -> None:
    with mounts.disk(posts / "disk", "1m", "ro") as folder:
        said = refused(run_into(str(folder / "store"), posts))
        assert f"error: store {folder}/store cannot be read or written: Read-only file system" in said


def test_no_room_for_the_posts_is_one_line_and_leaves_nothing(posts: Path) -> None:
    with mounts.disk(posts / "disk", "32k") as folder:
        (folder / "ballast").write_bytes(b"x" * 28_000)
        assert "No space left on device (posts/file/" in refused(run_into(str(folder), posts))
        assert [path.name for path in folder.rglob("*") if path.is_file()] == ["ballast"]


def test_a_wrong_key_is_one_line(posts: Path, s3: s3server.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "wrong")
    assert "the credentials were refused for posts/file/" in refused(run_into(s3.address("x"), posts))


@pytest.mark.slow
def test_posts_of_x_are_asked_for_once_whatever_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with xserver.running() as server:
        server.account("alice", xserver.tweets(factories.sentences(150)))
        monkeypatch.setenv("X_BEARER_TOKEN", xserver.TOKEN)
        monkeypatch.setenv("HTCTL_X_API", server.url)
        command = ["alice", "--set=source=x", *QUICK]
        refused = run(tmp_path, *command, "--max-cost", "5")
        assert (refused.code, server.asked) == (1, [])
        ran = run(tmp_path, *command)
        assert ran.code == 0
        assert "posts of @alice cost up to $16.01 at X" in ran.err
        assert "@alice: 150 downloaded - 0 retweets" in ran.out
        said = capfd.readouterr().err
        assert "scrape: @alice: 150 posts from x, $0.76 spent on it in all" in said
        assert xserver.TOKEN not in "".join(_texts(tmp_path / "store"))
        again = run(tmp_path, *command, "--batch", "another", "--max-cost", "0")
        assert (again.code, again.out) == (0, ran.out)
        assert "unchanged: its current run has these posts and settings" in capfd.readouterr().err
        assert len(server.asked) == 3


def _texts(folder: Path) -> Iterator[str]:
    return (path.read_bytes().decode("utf-8", "replace") for path in folder.rglob("*") if path.is_file())
