import json
from pathlib import Path

import pytest

from pipeline.store.folder import FolderStore
from tests.conftest import Finished
from tests.htctl.runner import htctl


def test_the_list_as_lines_and_as_json(finished: Finished) -> None:
    store = finished.store.address
    row = htctl("bots", "--store", store).out.split("\t")
    assert row[:3] == ["alice-bob", "@Alice @bob", "tiny"]
    (bot,) = json.loads(htctl("bots", "--store", store, "-o", "json").out)
    assert bot["bot"] == "alice-bob"
    assert bot["bits_per_byte"] > 0
    assert Path(bot["model"], "model.safetensors").exists()


def test_an_empty_store_is_said_and_is_an_empty_list(tmp_path: Path) -> None:
    ran = htctl("bots", "--store", str(tmp_path))
    assert (ran.code, ran.out) == (0, "")
    assert "no bots in" in ran.err
    assert json.loads(htctl("bots", "--store", str(tmp_path), "-o", "json").out) == []


def test_a_bot_that_is_not_published_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "bots" / "alice" / "runs" / "r").mkdir(parents=True)
    assert htctl("bots", "--store", str(tmp_path)).out == ""


def test_sizes_of_bots_and_of_the_store(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    store = finished.store.address
    held = sum(path.stat().st_size for path in Path(store).rglob("*") if ".htctl" not in path.parts and path.is_file())
    ran = htctl("bots", "--size", "--store", store, "-o", "json")
    found = json.loads(ran.out)
    assert found["bots"][0]["bot"] == "alice-bob"
    assert found["store"]["bytes"]["all"] == held
    assert found["bots"][0]["bytes"] == found["store"]["bytes"]["bots"] == held - found["store"]["bytes"]["posts"]
    assert found["store"]["dollars_a_month"] is None
    assert len(htctl("bots", "--size", "--store", store).out.split("\t")) == 7
    monkeypatch.setenv("HTCTL_STORE_PRICE", "1000")
    ran = htctl("bots", "--size", "--store", store)
    assert ran.out.split("\t")[-1].startswith("$")
    assert "a month at $1000 a GB" in ran.err


def test_the_size_of_a_store_without_a_published_bot(store: FolderStore) -> None:
    store.write("bots/alice/runs/a-00000001/config.json", b"12345")
    ran = htctl("bots", "--size", "--store", store.address)
    assert (ran.code, ran.out) == (0, "")
    assert "5 B in all (bots 0 B, unpublished 5 B)" in ran.err
