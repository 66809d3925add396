from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.store import open_store


def test_a_path_is_a_folder_made_when_first_written_to(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "deep" / "store"))
    assert not (tmp_path / "deep").exists()
    store.write("key", b"x")
    assert store.exists("key")


def test_an_address_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for address in ("gs://bucket/prefix", "s3:/bucket", str(tmp_path / "file")):
        with pytest.raises(ConfigError, match=f"store '{address}': must be a folder or s3://BUCKET/PREFIX"):
            open_store(address)
