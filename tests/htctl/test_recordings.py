import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from htctl import process, recordings
from pipeline.errors import ConfigError, HtctlError
from pipeline.layout import RunKeys
from pipeline.store.folder import FolderStore
from tests.htctl.stores import lease

KEYS = RunKeys("alice", "r1")
IDS = {"preprocess": "ffff", "train": "0000"}
PATHS = [f"wandb/offline-run-1-{run}/run-{run}.wandb" for run in IDS.values()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "htctl-wandb-abc"


@pytest.fixture
def recorded(store: FolderStore, folder: Path) -> FolderStore:
    """A store with an attempt's two recordings."""
    store.write(KEYS.tracker, json.dumps({"ids": IDS, "links": {}}).encode())
    store.write(KEYS.tracked("20260101-a/attempt.json"), json.dumps({"folder": str(folder)}).encode())
    for path in PATHS:
        store.write(KEYS.tracked(f"20260101-a/{path}"), b"recorded")
    return store


def unsent(store: FolderStore) -> list[tuple[str, tuple[str, ...]]]:
    return [(attempt.name, attempt.recordings) for attempt in recordings.unsent(store, ["alice"])]


def uploader(monkeypatch: pytest.MonkeyPatch, *says: str, marks: bool = True) -> list[Path]:
    """What stands for wandb's: says this and, where all went well, leaves its mark. Returns what it was given."""
    given: list[Path] = []

    def sync(folder: Path, recording: Path, base_url: str, seconds: float) -> Iterator[str]:
        (path,) = recording.glob("*.wandb")
        assert path.read_bytes() == b"recorded"
        given.append(recording)
        yield from says
        if marks:
            path.with_name(f"{path.name}.synced").touch()

    monkeypatch.setattr(process, "sync_wandb", sync)
    return given


def test_the_preprocessing_comes_first_and_what_is_marked_not_at_all(recorded: FolderStore) -> None:
    assert unsent(recorded) == [("20260101-a", tuple(PATHS))]
    recorded.write(KEYS.tracked(f"20260101-a/{PATHS[0]}.synced"), b"")
    assert unsent(recorded) == [("20260101-a", (PATHS[1],))]


def test_what_somebody_records_just_now_is_left_to_them(recorded: FolderStore) -> None:
    recorded.write(KEYS.lease, lease())
    assert unsent(recorded) == []


def test_what_is_sent_lies_where_it_was_recorded_and_is_marked_and_linked(
    recorded: FolderStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = uploader(monkeypatch, "View run @alice at http://w/me/p/runs/1", "Finished")
    (attempt,) = recordings.unsent(recorded, ["alice"])
    assert recordings.send(recorded, attempt, 60)
    assert given == [(folder / path).parent for path in PATHS]
    assert unsent(recorded) == []
    state = json.loads(recorded.read(KEYS.tracker).data)  # type: ignore[union-attr]
    assert state["links"] == dict.fromkeys(IDS, "http://w/me/p/runs/1")
    assert not folder.exists()


def test_what_was_not_sent_has_no_mark(recorded: FolderStore, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    uploader(monkeypatch, "ERROR 401", "", marks=False)
    (attempt,) = recordings.unsent(recorded, ["alice"])
    assert not recordings.send(recorded, attempt, 60)
    assert "alice: run-0000 was not sent: ERROR 401" in capsys.readouterr().err
    assert unsent(recorded) == [("20260101-a", tuple(PATHS))]


def test_one_that_a_kill_cut_off_counts_as_sent(recorded: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    uploader(monkeypatch, f"ERROR Failed: {recordings.CUT_OFF}. If", marks=False)
    (attempt,) = recordings.unsent(recorded, ["alice"])
    assert recordings.send(recorded, attempt, 60)
    assert unsent(recorded) == []


@pytest.mark.parametrize("place", ["/home/me", "htctl-wandb-relative", "/tmp/htctl-wandb-../x", ""])
def test_no_other_folder_than_a_recording_s_is_written_to(recorded: FolderStore, place: str) -> None:
    recorded.write(KEYS.tracked("20260101-a/attempt.json"), json.dumps({"folder": place}).encode())
    (attempt,) = recordings.unsent(recorded, ["alice"])
    with pytest.raises(HtctlError, match="names no folder of a recording"):
        recordings.send(recorded, attempt, 60)


def test_a_link_that_somebody_laid_there_is_not_followed(recorded: FolderStore, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    folder.symlink_to(tmp_path / "theirs")
    (attempt,) = recordings.unsent(recorded, ["alice"])
    with pytest.raises(HtctlError, match="somebody else's"):
        recordings.send(recorded, attempt, 60)
    assert list((tmp_path / "theirs").iterdir()) == []


def test_what_a_killed_attempt_left_here_is_not_written_over(
    recorded: FolderStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / PATHS[0]).parent.mkdir(parents=True)
    (folder / PATHS[0]).write_bytes(b"recorded")
    recorded.write(KEYS.tracked(f"20260101-a/{PATHS[0]}"), b"record")
    uploader(monkeypatch)
    (attempt,) = recordings.unsent(recorded, ["alice"])
    assert recordings.send(recorded, attempt, 60)


def test_bots_by_id_or_handles_published_or_not(recorded: FolderStore) -> None:
    assert recordings.bots(recorded, []) == ["alice"]
    assert recordings.bots(recorded, ["@Alice"]) == ["alice"]
    with pytest.raises(ConfigError, match="no bot 'bob'"):
        recordings.bots(recorded, ["bob"])
