from pathlib import Path

import pytest
from PIL import Image

from pipeline.pictures import preview
from pipeline.pictures.typefaces import Typefaces
from tests.pipeline.cards import nasty

OWN = Typefaces(system=[])


def drawn(folder: Path, *samples: str, handles: tuple[str, ...] = ("alice",), prompt: str = "My dream is") -> bytes:
    path = folder / "predictions.png"
    preview.draw(list(handles), prompt, list(samples), path, system=[])
    return path.read_bytes()


def test_the_picture_is_of_the_shape_that_social_networks_show(tmp_path: Path) -> None:
    drawn(tmp_path, "My dream is a boat.")
    with Image.open(tmp_path / "predictions.png") as picture:
        assert picture.format == "PNG"
        assert round(picture.width / picture.height, 2) == 1.91


def test_the_same_gives_the_same_and_each_part_is_to_be_seen(tmp_path: Path) -> None:
    plain = drawn(tmp_path, "a boat")
    assert drawn(tmp_path, "a boat") == plain
    assert drawn(tmp_path, "a ship") != plain
    assert drawn(tmp_path, "a boat", prompt="I think") != plain
    assert drawn(tmp_path, "a boat", handles=("alice", "bob")) != plain


def test_no_text_breaks_the_drawing_or_leaves_the_picture(tmp_path: Path) -> None:
    texts = nasty.texts(0)
    for index in range(0, len(texts), 12):
        some = texts[index : index + 12]
        drawn(tmp_path, *some, handles=tuple(text or "x" for text in some[:4]), prompt=some[0])
        with Image.open(tmp_path / "predictions.png") as picture:
            edge = picture.crop((picture.width - 20, 0, picture.width, picture.height))
            assert edge.getcolors() == [(20 * picture.height, (255, 255, 255))]


def test_samples_that_fit_whole_come_first_and_none_twice() -> None:
    long = "My dream is " + "very " * 60
    assert preview.pick([long, "one", "one", "", "two", "three"], 1000, OWN) == [["one"], ["two"], ["three"]]
    found = preview.pick([long, "one"], 1000, OWN)
    assert found[0] == ["one"]
    assert len(found[1]) == preview.LINES
    assert found[1][-1].endswith("…")


@pytest.mark.parametrize("text", ["My dream is to be " * 8, "日本語" * 60, "x" * 400, "a " + "y" * 90])
def test_lines_have_room_and_lose_nothing(text: str) -> None:
    lines = preview.wrap(text.strip(), 500, 36, OWN)
    assert all(OWN.width(line, 36) <= 500 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(
    ("handle", "letters"),
    [("jeffdean", "J"), ("h_ototake", "HO"), ("_x_", "X"), ("name.bsky.social", "NB"), ("___", "@"), ("ひ_ろ", "ひろ")],
)
def test_initials(handle: str, letters: str) -> None:
    assert preview.initials(handle) == letters
