from pathlib import Path

import pytest
from PIL import Image, ImageFont

from pipeline.pictures import typefaces
from pipeline.pictures.typefaces import MISSING, Run, Typefaces, is_right_to_left

OWN = Typefaces(system=[])


def texts(runs: list[Run]) -> list[str]:
    return [run.text for run in runs]


def test_letters_that_one_font_has_are_one_piece() -> None:
    assert texts(OWN.runs("Привет, my שלום")) == ["Привет, my שלום"]


def test_letters_that_no_font_has_are_one_box_a_piece() -> None:
    assert texts(OWN.runs("日本語 and 👩‍👩‍👧🐤!")) == [f"{MISSING} and {MISSING}!"]
    assert len(OWN.runs("a")) == 1


def test_accents_stay_with_their_letter() -> None:
    assert texts(OWN.runs("cafe\u0301 x\ufe0f")) == ["cafe\u0301 x\ufe0f"]


def test_every_letter_gets_the_first_font_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    has = {"kanji.ttf": "日本🐤", "emoji.ttf": "🐤"}
    monkeypatch.setattr(typefaces, "_letters", lambda path: set(map(ord, has.get(path, "abc "))))
    faces = Typefaces(system=list(has))
    found = [(run.text, Path(run.font).name) for run in faces.runs("ab 日本🐤c")]
    assert found == [("ab ", "DejaVuSans.ttf"), ("日本", "kanji.ttf"), ("🐤", "emoji.ttf"), ("c", "DejaVuSans.ttf")]


def test_pieces_of_a_line_that_runs_to_the_left_stand_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typefaces, "_letters", lambda path: {ord("日")} if path == "kanji.ttf" else set(range(0x600)))
    assert texts(Typefaces(system=["kanji.ttf"]).runs("שלום 日")) == ["日", "שלום "]


def test_a_file_that_is_no_font_is_passed_over(tmp_path: Path) -> None:
    broken = tmp_path / "Emoji.ttf"
    broken.write_bytes(b"no font")
    assert texts(Typefaces(system=[str(broken), str(tmp_path / "gone.ttf")]).runs("🐤")) == [MISSING]


@pytest.mark.parametrize(
    ("text", "left"), [("שלום abc", True), ("abc שלום", False), ("123 حلم", True), ("", False), ("12", False)]
)
def test_the_first_letter_with_a_direction_decides(text: str, left: bool) -> None:
    assert is_right_to_left(text) is left


def test_bitmap_letters_are_shrunk_into_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    own = OWN.runs("x")[0].font
    monkeypatch.setattr(typefaces, "_loaded", lambda path, size: (ImageFont.truetype(own, 109), size / 109))
    picture = Image.new("RGB", (100, 60), "#ffffff")
    OWN.draw(picture, 10, 50, "WW", 36, "#000000")
    box = picture.convert("L").point(lambda value: 255 * (value < 128)).getbbox()
    assert box is not None
    assert 20 < box[3] - box[1] < 36
    assert box[2] < 100
    assert 45 < box[3] <= 52
