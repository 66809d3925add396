import json
from pathlib import Path

import pytest

from pipeline import layout
from pipeline.cards import hub
from pipeline.store.folder import FolderStore
from tests.conftest import Finished
from tests.htctl import stores
from tests.htctl.runner import htctl
from tests.test_layout import HEAVY, loaded_by

GOLDEN = Path(__file__).parents[2] / "pipeline" / "cards" / "golden"
CARD = GOLDEN / "uppityducky.md"
DATA = GOLDEN / "uppityducky.json"


def test_the_card_in_the_store_comes_out_to_the_byte(finished: Finished) -> None:
    ran = htctl("card", "bob+alice", "--store", finished.store.address)
    assert ran.code == 0
    assert ran.out.encode() == (finished.model / "README.md").read_bytes()


def test_by_another_template_it_is_written_anew(finished: Finished) -> None:
    ran = htctl("card", "alice-bob", "--template", "huggingtweets-2021-05", "--store", finished.store.address)
    assert ran.code == 0
    assert "🤖 AI CYBORG 🤖" in ran.out
    assert "| Data | Alice | bob |" in ran.out
    assert hub.check(ran.out) == []


def test_a_card_that_is_gone_is_said_and_what_to_do(store: FolderStore) -> None:
    stores.add_run(store, "b-00000000", current=True)
    ran = htctl("card", "alice", "--store", store.address)
    assert ran.code == 1
    assert "README.md is missing; --template writes it anew" in ran.err
    assert "nothing is left of" in htctl("card", "alice", "--template", "htctl", "--store", store.address).err
    assert store.exists(layout.latest("alice"))


def test_one_of_the_original_s_cards_from_its_numbers() -> None:
    assert htctl("card", "--data", str(DATA)).out.encode() == CARD.read_bytes()
    other = htctl("card", "--data", str(DATA), "--template", "huggingtweets-2020").out
    assert "<section class='prose'>" in other


def test_broken_letters_are_put_right_and_the_encoding_named(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    broken = CARD.read_bytes().decode("mac_roman").encode()
    path.write_bytes(broken)
    ran = htctl("card", "--repair", str(path))
    assert ran.code == 0
    assert "read as mac_roman; put right" in ran.err
    assert ran.out.encode() == CARD.read_bytes()
    assert path.read_bytes() == broken


def test_in_place_the_file_is_changed_and_keeps_its_rights(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_bytes(CARD.read_bytes().decode("mac_roman").replace("\n", "\r\n").encode())
    path.chmod(0o640)
    assert htctl("card", "-i", "--repair", str(path)).out == ""
    assert path.read_bytes() == CARD.read_bytes().replace(b"\n", b"\r\n")
    assert path.stat().st_mode & 0o777 == 0o640
    assert [child.name for child in tmp_path.iterdir()] == ["README.md"]


def test_a_sound_file_is_said_to_be_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_bytes(CARD.read_bytes())
    before = path.stat().st_mtime_ns
    ran = htctl("card", "--in-place", "--repair", str(path))
    assert ran.code == 0
    assert "sound" in ran.err
    assert path.stat().st_mtime_ns == before


def test_what_the_hub_would_refuse(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("---\nlanguage: no\nlicense: mit\n---\n", encoding="utf-8")
    ran = htctl("card", "--check", str(path))
    assert ran.code == 1
    assert ran.out.startswith(f"{path}: language: must be a language's code")
    shown = htctl("card", "--check", str(path), "-o", "json")
    assert shown.code == 1
    assert [problem["path"] for problem in json.loads(shown.out)] == ["language"]


def test_a_card_that_the_hub_takes(tmp_path: Path) -> None:
    ran = htctl("card", "--check", str(CARD))
    assert (ran.code, ran.out) == (0, "")
    assert "nothing that the Hub is known to refuse" in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a BOT, or one of --data, --repair and --check"),
        (["alice", "--check", str(CARD)], "name a BOT, or one of"),
        (["alice", "--template", "htctl-2"], "--template htctl-2: must be one of htctl, huggingtweets-2020, "),
        (["--check", str(CARD), "--template", "htctl"], "--template goes with a BOT or --data"),
        (["--data", str(DATA), "--template", "htctl"], "its card needs a run; --data writes huggingtweets-2020"),
        (["--check", str(CARD), "-i"], "-i goes with --repair"),
        (["--repair", str(CARD), "-o", "json"], "-o json goes with --check"),
        (["--check", "/nowhere.md"], "/nowhere.md: No such file or directory"),
        (["--data", str(CARD)], "uppityducky.md is not JSON"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(arguments: list[str], said: str) -> None:
    ran = htctl("card", *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert ran.out == ""


def test_a_file_that_is_no_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_bytes("café".encode("latin-1"))
    ran = htctl("card", "--repair", str(path))
    assert ran.code == 2
    assert "not UTF-8 (byte 3)" in ran.err


@pytest.mark.slow
@pytest.mark.parametrize("use", [["--data", str(DATA)], ["--repair", str(CARD)], ["--check", str(CARD)]])
def test_no_training_package_is_needed(use: list[str]) -> None:
    needed = {"yaml"} | ({"jinja2"} if "--data" in use else set())
    assert not loaded_by("card", *use) & (set(HEAVY) - needed)
