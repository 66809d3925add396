import os
from pathlib import Path

import pytest

from pipeline.store import disk


def test_a_lock_is_one_s_alone_and_ends_with_its_block(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with disk.locked(lock, 5), pytest.raises(disk.HeldError), disk.locked(lock, 0.05):
        raise AssertionError("two were in it")
    with disk.locked(lock, 0.05):
        pass


def test_a_lock_ends_with_the_process_that_holds_it(tmp_path: Path) -> None:
    lock, (ready, said) = tmp_path / "lock", os.pipe()
    child = os.fork()
    if child == 0:
        with disk.locked(lock, 5):
            os.write(said, b"held")
            os._exit(0)  # as a kill would: nothing is tidied
    assert os.read(ready, 4) == b"held"
    os.waitpid(child, 0)
    with disk.locked(lock, 1):
        pass


def test_folders_are_made_to_the_last_and_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr(disk, "sync", synced.append)
    disk.make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert synced == [tmp_path, tmp_path / "a"]
    disk.make_folder(tmp_path / "a" / "b")
    assert len(synced) == 2
