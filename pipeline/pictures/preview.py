"""`predictions.png`: the picture of a bot that is shown where somebody links to it."""

import bisect
import colorsys
import hashlib
import math
from pathlib import Path
from typing import Any

from pipeline.cards.escape import shown
from pipeline.pictures.typefaces import Typefaces, is_right_to_left

SIZE = (1200, 628)  # 1.91 to 1, what social networks show
MARGIN, TOP = 60, 210
TITLE, SMALL, TEXT, LEADING = 54, 28, 36, 46
LINES = 2  # of a sample
SHOWN = 3  # samples
LONGEST = 500  # characters that are looked at; never so many have room
FACES = 3  # circles with initials
FACE = 88  # pixels across


def draw(handles: list[str], prompt: str, samples: list[str], path: Path, system: list[str] | None = None) -> None:
    """Initials, handles, prompt and some samples as a PNG; nothing is fetched.

    `system`: font files to take in place of the machine's. Letters that no font has are drawn as a box.
    """
    from PIL import Image

    handles, (prompt, *samples) = _short(handles), _short([prompt, *samples])
    picture = Image.new("RGB", SIZE, "#ffffff")
    plain, bold = Typefaces(system=system), Typefaces(bold=True, system=system)
    left = MARGIN
    for handle in handles[:FACES]:
        _face(picture, left, handle, bold)
        left += FACE + 8
    room = SIZE[0] - MARGIN - left - 24
    title = " & ".join(f"@{handle}" for handle in handles)
    size = next((size for size in range(TITLE, TEXT, -2) if bold.width(title, size) <= room), TEXT)
    bold.draw(picture, left + 24, 100, _cut(title, room, size, bold), size, "#0f172a")
    plain.draw(picture, left + 24, 145, "A bot. All of this is invented by a machine.", SMALL, "#64748b")
    _line(picture, plain, 200, _cut(prompt, _room(), SMALL, plain), SMALL, "#2563eb")
    y = TOP
    for lines in pick(samples, _room(), plain):
        y = _bubble(picture, y, lines, plain)
    picture.save(path, optimize=True)


def pick(samples: list[str], room: int, font: Typefaces) -> list[list[str]]:
    """The samples that are shown, as lines: the first that are shown whole, then the first of the others, cut."""
    wrapped = [wrap(sample, room, TEXT, font) for sample in dict.fromkeys(samples) if sample]
    whole = [lines for lines in wrapped if len(lines) <= LINES]
    long = [
        [*lines[: LINES - 1], _cut(" ".join(lines[LINES - 1 :]), room, TEXT, font)]
        for lines in wrapped
        if len(lines) > LINES
    ]
    return (whole + long)[:SHOWN]


def wrap(text: str, room: int, size: int, font: Typefaces) -> list[str]:
    """Lines of at most `room` pixels: broken at spaces, and inside a word that is wider than a line."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if font.width(longer, size) <= room:
            lines[-1] = longer
            continue
        lines += [""] if lines[-1] else []
        for letter in word:
            if font.width(lines[-1] + letter, size) > room:
                lines.append("")
            lines[-1] += letter
    return lines


def initials(handle: str) -> str:
    """One or two letters for a handle: those that begin its parts."""
    parts = [part for part in handle.replace(".", "_").replace("-", "_").split("_") if part]
    return "".join(part[0] for part in parts[:2]).upper() or "@"


def _short(texts: list[str]) -> list[str]:
    return [shown(text)[:LONGEST] for text in texts]


def _room() -> int:
    return SIZE[0] - 2 * MARGIN - 48


def _cut(text: str, room: int, size: int, font: Typefaces) -> str:
    """`text`, or as much of its beginning as there is room for."""
    text = " ".join(text.split())
    if font.width(text, size) <= room:
        return text
    fits = bisect.bisect_right(
        range(len(text)), room, key=lambda count: math.ceil(font.width(f"{text[:count]}…", size))
    )
    return f"{text[: max(fits - 1, 0)].rstrip()}…"


def _line(picture: Any, font: Typefaces, y: float, text: str, size: int, colour: str) -> None:
    """A line in the middle column, at the side where its language begins."""
    x = MARGIN + 24.0
    if is_right_to_left(text):
        x = SIZE[0] - x - font.width(text, size)
    font.draw(picture, x, y, text, size, colour)


def _bubble(picture: Any, y: int, lines: list[str], font: Typefaces) -> int:
    """A sample in its box; returns where the next begins."""
    from PIL import ImageDraw

    height = LEADING * len(lines) + 24
    box = (MARGIN, y + 8, SIZE[0] - MARGIN, y + 8 + height)
    ImageDraw.Draw(picture).rounded_rectangle(box, 18, fill="#f1f5f9")
    for index, line in enumerate(lines):
        _line(picture, font, y + 8 + 12 + LEADING * index + TEXT, line, TEXT, "#0f172a")
    return y + height + 16


def _face(picture: Any, left: int, handle: str, font: Typefaces) -> None:
    """A circle in the handle's own colour, with its initials."""
    from PIL import Image, ImageDraw

    hue = hashlib.sha256(handle.lower().encode()).digest()[0] / 255
    colour = "#" + "".join(f"{int(255 * part):02x}" for part in colorsys.hls_to_rgb(hue, 0.42, 0.5))
    mask = Image.new("L", (4 * FACE, 4 * FACE))  # drawn large and shrunk, for a smooth edge
    ImageDraw.Draw(mask).ellipse((0, 0, 4 * FACE - 1, 4 * FACE - 1), fill=255)
    picture.paste(colour, (left, 56), mask.resize((FACE, FACE)))
    text = initials(handle)
    font.draw(picture, left + FACE / 2 - font.width(text, 38) / 2, 114, text, 38, "#ffffff")
