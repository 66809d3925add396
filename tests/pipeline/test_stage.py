from pathlib import Path

import pytest

from tests.pipeline import contexts


def test_what_was_half_written_is_not_in_the_store(tmp_path: Path) -> None:
    context = contexts.make(tmp_path, {})
    with pytest.raises(RuntimeError), context.writing("a/b") as path:
        path.write_text("half")
        raise RuntimeError
    assert not context.store.exists("a/b")
    with context.writing("a/b") as path:
        path.write_text("whole")
    assert context.local("a/b").read_text() == "whole"


def test_a_folder_goes_to_the_store_and_comes_back(tmp_path: Path) -> None:
    context = contexts.make(tmp_path, {})
    folder = tmp_path / "made"
    (folder / "deep").mkdir(parents=True)
    (folder / "one").write_text("1")
    (folder / "deep" / "two").write_text("2")
    context.upload_folder(folder, "x/model")
    found = context.local_folder("x/model")
    assert (found / "one").read_text() == "1"
    assert (found / "deep" / "two").read_text() == "2"
