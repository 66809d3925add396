import fcntl
import json
import threading
from pathlib import Path

import pytest

from pipeline.layout import RunKeys
from pipeline.store.folder import FolderStore
from pipeline.wandb import recording
from pipeline.wandb.feed import ALIVE
from pipeline.wandb.recording import Known, Recording

KEYS = RunKeys("alice", "r")


def stored(store: FolderStore) -> dict[str, bytes]:
    found = {entry.key: store.read(entry.key) for entry in store.list(KEYS.tracked(""))}
    return {key.split("/", 6)[-1]: value.data for key, value in found.items() if value}


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_ids_are_made_once_and_what_is_known_stays(store: FolderStore) -> None:
    first = Known(store, KEYS)
    ids = first.ids
    assert first.note({"train": "http://w"}, ["train"]) == {"train": "http://w"}
    again = Known(store, KEYS)
    assert again.ids == ids
    assert again.note({"train": "http://w"}, ["preprocess"]) == {}
    assert (again.links, again.recorded) == ({"train": "http://w"}, ["preprocess", "train"])


def test_what_is_new_is_kept_and_what_is_of_no_use_is_not(store: FolderStore) -> None:
    recording = Recording(store, KEYS)
    folder = recording.open({"mode": "offline"})
    run = folder / "wandb" / "offline-run-1-x"
    for path in (run / "logs" / "debug.log", folder / "cache" / "x", folder / "process.log", run / "files" / "t.json"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x", encoding="utf-8")
    (run / "run-x.wandb").write_bytes(b"one")
    (run / "run-x.wandb.synced").touch()
    (folder / "wandb" / "latest-run").symlink_to(run)
    recording.keep()
    of_run = ("run-x.wandb", "run-x.wandb.synced", "files/t.json")
    assert set(stored(store)) == {"attempt.json", *(f"wandb/offline-run-1-x/{name}" for name in of_run)}
    (run / "run-x.wandb").write_bytes(b"one two")
    recording.keep()
    assert stored(store)["wandb/offline-run-1-x/run-x.wandb"] == b"one two"
    assert json.loads(stored(store)["attempt.json"]) == {"folder": str(folder), "mode": "offline"}
    recording.remove()
    assert not folder.exists()


def test_the_next_attempt_takes_in_what_a_killed_one_left_here(store: FolderStore) -> None:
    killed = Recording(store, KEYS)
    folder = killed.open({})
    (folder / "run-x.wandb").write_bytes(b"all of it")
    Recording(store, KEYS).take_in()
    assert stored(store)["run-x.wandb"] == b"all of it"
    assert not folder.exists()


def test_a_process_that_is_still_ending_is_waited_for(store: FolderStore) -> None:
    folder = Recording(store, KEYS).open({})
    with (folder / ALIVE).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        (folder / "run-x.wandb").write_bytes(b"all but the last")

        def end() -> None:
            (folder / "run-x.wandb").write_bytes(b"all of it")
            fcntl.flock(held, fcntl.LOCK_UN)

        threading.Timer(0.2, end).start()
        Recording(store, KEYS).take_in()
    assert stored(store)["run-x.wandb"] == b"all of it"
    assert not folder.exists()


def test_a_folder_that_was_never_made_is_not_removed(store: FolderStore, tmp_path: Path) -> None:
    Recording(store, KEYS).remove()
    assert tmp_path.exists()
    assert list(recording.files(tmp_path / "none")) == []
