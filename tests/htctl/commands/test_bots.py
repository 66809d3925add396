import json
from pathlib import Path

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
