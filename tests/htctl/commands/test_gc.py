import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import layout
from pipeline.store.folder import FolderStore
from tests import s3server
from tests.htctl.runner import Ran, htctl
from tests.htctl.stores import add_run, lease, names


def gc(store: FolderStore, *arguments: str) -> Ran:
    return htctl("gc", *arguments, "--store", store.address)


@pytest.fixture
def full(store: FolderStore) -> FolderStore:
    """A current run, two older ones, a young and an old unfinished one, and a bot that has nothing to delete."""
    add_run(store, "current", 5, current=True)
    add_run(store, "newer", 8, checkpoints=True)
    add_run(store, "older", 9, posts="old")
    add_run(store, "stopped", 8, done=("scrape",))
    add_run(store, "working", 2, done=("scrape",))
    add_run(store, "only", bot="bob", current=True)
    return store


def test_it_shows_what_would_go_and_in_a_pipe_deletes_nothing(full: FolderStore) -> None:
    ran = gc(full)
    rows = [line.split("\t")[:3] for line in ran.out.splitlines()]
    assert rows == [["alice", "newer", "checkpoints"], ["alice", "older", "run"], ["alice", "stopped", "run"]]
    assert ran.code == 2
    assert ran.err.startswith("to delete: ")
    assert ran.err.endswith("nobody can be asked here: nothing was done; --yes does it without asking\n")
    assert len(names(full)) == 5


def test_yes_deletes_and_then_there_is_nothing_to_delete(full: FolderStore) -> None:
    ran = gc(full, "--yes")
    assert "deleted 3 of 3: " in ran.err
    assert names(full) == ["current", "newer", "working"]
    assert names(full, "bob") == ["only"]
    assert not [entry for entry in full.list("") if "checkpoints" in entry.key]
    again = gc(full, "--yes")
    assert (again.code, again.out) == (0, "")
    assert again.err.startswith("nothing to delete; ")


def test_keep_and_unfinished_days(full: FolderStore) -> None:
    gc(full, "--yes", "--keep", "1", "--unfinished-days", "0")
    assert names(full) == ["current"]
    assert gc(full, "--keep", "0").code == 2


def test_json_lists_and_deletes_only_if_told(full: FolderStore) -> None:
    shown = json.loads(gc(full, "-o", "json", "--price", "0.02").out)
    assert [(gone["run"], gone["deleted"]) for gone in shown["going"]] == [
        ("newer", False), ("older", False), ("stopped", False),
    ]  # fmt: skip
    assert shown["bytes"] == sum(gone["bytes"] for gone in shown["going"])
    assert shown["store"]["bytes"]["all"] == sum(entry.size for entry in full.list(""))
    assert shown["dollars_a_month"] is not None
    assert len(names(full)) == 5
    done = json.loads(gc(full, "-o", "json", "--yes").out)
    assert all(gone["deleted"] for gone in done["going"])
    assert len(names(full)) == 3


def test_posts_that_no_run_names_go_only_if_asked(full: FolderStore) -> None:
    for sha256 in ("ff", "old"):
        full.write(layout.posts_file(sha256, "data"), b"posts")
        full.write(layout.posts_file(sha256, "index.json"), b"{}")
    assert gc(full, "--yes").out.count("posts") == 0
    ran = gc(full, "--posts", "--yes")
    assert ran.out.split("\t")[1:3] == ["old", "posts"]
    assert [entry.key for entry in full.list("posts/")] == ["posts/file/ff/data", "posts/file/ff/index.json"]


def test_posts_are_left_to_a_run_that_has_begun_meanwhile(full: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    full.write(layout.posts_file("new", "index.json"), b"{}")

    def begin_and_agree(question: str) -> bool:
        add_run(full, "begun", done=(), posts="new")
        return True

    monkeypatch.setattr("htctl.output.ask", begin_and_agree)
    ran = gc(full, "--posts")
    assert "posts new: a run names it now" in ran.err
    assert full.exists(layout.posts_file("new", "index.json"))


def test_a_run_that_came_into_use_or_became_current_meanwhile_stays(
    full: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change_and_agree(question: str) -> bool:
        full.write(layout.latest("alice"), b'{"run": "older"}')
        full.write("bots/alice/runs/stopped/lease.json", lease())
        return True

    monkeypatch.setattr("htctl.output.ask", change_and_agree)
    ran = gc(full)
    assert "left alone: run alice/older: it is the bot's current run now" in ran.err
    assert "left alone: run alice/stopped: somebody works on it now" in ran.err
    assert "deleted 1 of 3: " in ran.err
    assert names(full) == ["current", "newer", "older", "stopped", "working"]


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "left"), [(b"y\n", 3), (b"\n", 5), (b"no\n", 5)])
def test_on_a_terminal_it_asks(full: FolderStore, answer: bytes, left: int) -> None:
    mine, theirs = pty.openpty()
    command = [sys.executable, "-m", "htctl", "gc", "--store", full.address]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(mine, 10_000)
    os.write(mine, answer)
    assert process.wait() == 0
    assert b"BOT" in shown
    assert b"delete these?" in shown
    assert len(names(full)) == left


@pytest.mark.slow
def test_on_s3_a_gc_that_was_killed_is_finished_by_the_next(s3: s3server.Server, tmp_path: Path) -> None:
    from pipeline.store.s3 import S3Store

    store = S3Store(s3.address(tmp_path.name))
    add_run(store, "current", 1, current=True)
    add_run(store, "old", 9, checkpoints=True)
    code = (
        "import os, signal, sys\n"
        "from htctl import app, runs\n"
        "from pipeline.store.s3 import S3Store\n"
        "runs.AT_ONCE, delete, left = 1, S3Store.delete, [9]\n"
        "def mortal(self, key):\n"
        "    left[0] -= '/old/' in key\n"
        "    os.kill(os.getpid(), signal.SIGKILL) if left[0] < 0 else delete(self, key)\n"
        "S3Store.delete = mortal\n"
        "sys.argv = ['htctl', 'gc', '--keep', '1', '--yes', '--store', sys.argv[1]]\n"
        "app.main()\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, store.address], capture_output=True, text=True, check=False)
    assert killed.returncode == -9, killed.stderr
    assert names(store) == ["current", "old"]
    assert not list(store.list("bots/alice/runs/old/stages/"))
    ran = htctl("gc", "--keep", "9", "--yes", "--store", store.address)
    assert "its deletion was stopped half-way" in ran.out
    assert not list(store.list("bots/alice/runs/old/"))
    assert store.exists("bots/alice/runs/current/config.json")
