import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import layout
from pipeline.store import Entry, Store, open_store
from pipeline.store.folder import FolderStore
from tests.conftest import Finished
from tests.htctl.runner import Ran, htctl
from tests.htctl.stores import add_run


def fetch(store: Store, *arguments: object) -> Ran:
    return htctl("fetch", "alice", *map(str, arguments), "--store", store.address)


@pytest.fixture
def bot(store: FolderStore) -> FolderStore:
    add_run(store, "r1", current=True)
    return store


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


BOT = {"config.json": b"weights", "model.safetensors": b"weights"}


def test_a_bot_as_a_folder_and_nothing_beside(bot: FolderStore, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    ran = fetch(bot, tmp_path / "deep" / "alice")
    assert ran.code == 0
    assert ran.out.startswith(f"alice: 2 files, 14 B, in {tmp_path}/deep/alice\nin Python: from transformers import")
    assert contents(tmp_path / "deep" / "alice") == BOT
    assert set(tmp_path.iterdir()) - before == {tmp_path / "deep"}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["alice"]
    assert contents(bot.root / "bots/alice/runs/r1/model") == BOT  # a copy


def test_an_empty_folder_is_filled(bot: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert fetch(bot, tmp_path / "out").code == 0
    assert contents(tmp_path / "out") == BOT


def test_only_a_bot_is_replaced_and_only_if_told(bot: FolderStore, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "config.json").write_bytes(b"older")
    ran = fetch(bot, out)
    assert (ran.code, "out is not empty; name another folder, or --force" in ran.err) == (2, True)
    assert contents(out) == {"config.json": b"older"}
    assert fetch(bot, out, "--force").code == 0
    assert contents(out) == BOT
    (out / "diary.txt").write_text("dear")
    ran = fetch(bot, out, "--force")
    assert (ran.code, "holds more than a bot (diary.txt)" in ran.err) == (2, True)
    assert (out / "diary.txt").read_text() == "dear"
    assert "is a file; name a folder" in fetch(bot, out / "diary.txt", "--force").err


def test_a_folder_that_cannot_be_made_is_one_line(bot: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    ran = fetch(bot, tmp_path / "file" / "out")
    assert ran.code == 2
    assert ran.err == f"error: {tmp_path}/file/out: Not a directory\n"


def test_two_at_once_are_refused(bot: FolderStore, tmp_path: Path) -> None:
    parts = tmp_path / ".out.htctl-fetch"
    parts.mkdir()
    with (parts / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "another htctl fetch is writing" in fetch(bot, tmp_path / "out").err
    assert fetch(bot, tmp_path / "out").code == 0


def test_what_an_earlier_fetch_of_another_bot_left_is_not_used(bot: FolderStore, tmp_path: Path) -> None:
    old = tmp_path / ".out.htctl-fetch" / "bots/alice/runs/r1/model"
    old.mkdir(parents=True)
    (old / "config.json").write_bytes(b"another")  # as long
    (tmp_path / ".out.htctl-fetch" / "pointer.json").write_bytes(b"another time")
    assert fetch(bot, tmp_path / "out").code == 0
    assert contents(tmp_path / "out") == BOT


def test_a_file_that_goes_meanwhile_is_one_line_and_leaves_no_folder(
    bot: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [*bot.list("bots/alice/runs/r1/model/"), Entry("bots/alice/runs/r1/model/vocab.json", 5)]
    monkeypatch.setattr(FolderStore, "list", lambda self, prefix: iter(listed))
    ran = fetch(bot, tmp_path / "out")
    assert ran.code == 1
    assert ran.err.endswith("model/vocab.json is missing from the store\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_a_killed_fetch_leaves_no_folder_and_the_next_goes_on(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = str(tmp_path / "store")
    store = open_store(folder if kind == "folder" else request.getfixturevalue("s3").address(tmp_path.name))
    add_run(store, "r1", current=True)
    code = (
        "import os, pathlib, signal, sys\n"
        "from htctl.commands import fetch\n"
        "from htctl.app import main\n"
        "bring, count = fetch._bring, []\n"
        "def mortal(store, entry, parts):\n"
        "    count.append(entry) or len(count) > 1 and half(parts / entry.key)\n"
        "    bring(store, entry, parts)\n"
        "def half(path):\n"
        "    path.with_name('.half').write_bytes(b'we')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "fetch._bring = mortal\n"
        "main()\n"
    )
    command = [sys.executable, "-c", code, "fetch", "alice", str(tmp_path / "out"), "--store", store.address]
    assert subprocess.run(command, env=os.environ, capture_output=True, check=False).returncode == -9
    assert not (tmp_path / "out").exists()
    parts = tmp_path / ".out.htctl-fetch"
    os.utime(parts / layout.RunKeys("alice", "r1").model("config.json"), (1, 1))
    assert fetch(store, tmp_path / "out").code == 0
    assert contents(tmp_path / "out") == BOT
    assert (tmp_path / "out" / "config.json").stat().st_mtime == 1  # it was not brought twice
    assert not parts.exists()


def test_a_trained_bot_writes_from_where_it_was_put(finished: Finished, tmp_path: Path) -> None:
    from pipeline.generation import Bot

    ran = htctl("fetch", "bob+alice", str(tmp_path / "bot"), "--store", finished.store.address)
    assert ran.code == 0
    assert contents(tmp_path / "bot") == contents(finished.model)
    assert Bot(tmp_path / "bot").posts("the kettle", 1, 1) == Bot(finished.model).posts("the kettle", 1, 1)


def submitted(store: FolderStore, *bots: str) -> None:
    groups = [{"bot": bot, "run": "r1", "job": bot, "handles": bot.replace("-", "+")} for bot in bots]
    store.write(layout.batch("night"), json.dumps({"batch": "night", "namespace": "", "groups": groups}).encode())


def test_a_whole_batch_each_bot_in_a_folder_of_its_name(bot: FolderStore, tmp_path: Path) -> None:
    add_run(bot, "r1", bot="bob-carol", current=True)
    submitted(bot, "alice", "bob-carol")
    ran = htctl("fetch", "--batch=night", str(tmp_path / "out"), "--store", bot.address)
    assert (ran.code, sorted(path.name for path in (tmp_path / "out").iterdir())) == (0, ["alice", "bob-carol"])
    ran = htctl("fetch", "--batch=night", "carol+bob", str(tmp_path / "one"), "--store", bot.address)
    assert (ran.code, contents(tmp_path / "one" / "bob-carol")) == (0, BOT)


def test_what_of_a_batch_is_not_published_is_told_and_the_others_are_fetched(bot: FolderStore, tmp_path: Path) -> None:
    submitted(bot, "alice", "bob")
    ran = htctl("fetch", "--batch=night", str(tmp_path / "out"), "--store", bot.address)
    assert (ran.code, ran.err) == (1, "error: not published yet: bob; htctl status says why\n")
    assert contents(tmp_path / "out" / "alice") == BOT


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["out"], "say which bot, and where"), (["--batch=night", "out"], "no batch 'night' was submitted from")],
)
def test_what_to_fetch_must_be_there(bot: FolderStore, arguments: list[str], says: str) -> None:
    ran = htctl("fetch", *arguments, "--store", bot.address)
    assert (ran.code, says in ran.err) == (2, True)
