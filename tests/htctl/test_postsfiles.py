import hashlib
import json
from pathlib import Path

import pytest

from htctl import postsfiles
from pipeline.errors import ConfigError
from pipeline.store.folder import FolderStore


def test_the_same_bytes_are_kept_once_whatever_their_name(store: FolderStore, tmp_path: Path) -> None:
    for name in ("one.jsonl", "other.jsonl"):
        (tmp_path / name).write_bytes(b'{"text": "a"}\n')
    sha256 = postsfiles.keep(store, tmp_path / "one.jsonl")
    assert sha256 == hashlib.sha256(b'{"text": "a"}\n').hexdigest()
    assert postsfiles.keep(store, tmp_path / "other.jsonl") == sha256
    assert [entry.key for entry in store.list("posts/")] == [
        f"posts/file/{sha256}/data",
        f"posts/file/{sha256}/index.json",
    ]
    index = json.loads(store.read(f"posts/file/{sha256}/index.json").data)  # type: ignore[union-attr]
    assert index == {"name": "one.jsonl", "bytes": 14, "sha256": sha256}


def test_an_upload_that_was_cut_off_is_made_again(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(b"whole")
    sha256 = hashlib.sha256(b"whole").hexdigest()
    store.write(f"posts/file/{sha256}/data", b"wh")  # no index.json: not complete
    postsfiles.keep(store, tmp_path / "p")
    assert store.read(f"posts/file/{sha256}/data").data == b"whole"  # type: ignore[union-attr]


def test_a_file_that_cannot_be_read_is_one_line(store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        postsfiles.keep(store, tmp_path)
