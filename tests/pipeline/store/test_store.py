from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.store import open_store


def test_a_path_is_a_folder_made_when_first_written_to(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "deep" / "store"))
    assert not (tmp_path / "deep").exists()
    store.write("key", b"x")
    assert store.exists("key")


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="gs://bucket"):
        open_store("gs://bucket/prefix")
