import json
from pathlib import Path

import pytest

from pipeline.store import trial
from pipeline.store.folder import FolderStore


def test_a_trial_leaves_its_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    word = tmp_path / "word"
    monkeypatch.setenv("HTCTL_TERMINATION_LOG", str(word))
    monkeypatch.setenv("HTCTL_RUN", json.dumps({"store": str(tmp_path / "store")}))
    assert trial.main() == 0
    assert json.loads(word.read_text())["reason"].endswith("can be read and written from the Pod")
    monkeypatch.setenv("HTCTL_RUN", json.dumps({"store": "ftp://x"}))
    assert trial.main() == 64
    assert "must be a folder or s3://" in json.loads(word.read_text())["reason"]


def test_nothing_of_it_stays(store: FolderStore) -> None:
    trial.trial(store)
    assert list(store.list("")) == []
