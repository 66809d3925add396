"""Which of the machine's fonts has which letter, and a line of text drawn with as many fonts as it needs."""

import unicodedata
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

MISSING = "\u25a1"  # a box, drawn for letters that no font has
STRIKE = 109  # pixels; the one size that bitmap emoji fonts have


class Run(NamedTuple):
    """Letters in a row that one font has."""

    text: str
    font: str


class Typefaces:
    """The fonts that are there: matplotlib's own, which is always, then the system's."""

    def __init__(self, bold: bool = False, system: list[str] | None = None) -> None:
        """`system`: files to take in place of the machine's."""
        import matplotlib
        from matplotlib import font_manager

        own = Path(matplotlib.get_data_path()) / "fonts/ttf" / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
        found = font_manager.findSystemFonts() if system is None else system
        upright = [path for path in found if not any(word in Path(path).name for word in _OTHER_STYLES)]
        self._paths = [str(own), *sorted(upright, key=lambda path: (_weight(path) != bold, path))]
        self._emoji_first = sorted(self._paths, key=lambda path: "emoji" not in Path(path).name.lower())

    def runs(self, text: str) -> list[Run]:
        """`text` in pieces, each with its font, as it is read; letters that no font has are one box a piece."""
        found: list[Run] = []
        for letter in text:
            joins = unicodedata.category(letter) in ("Mn", "Me", "Cf", "Sk") and found
            path = found[-1].font if joins else self._font(letter)
            if joins and (not path or found[-1].text.endswith(MISSING)):
                continue
            if not path:
                path, letter = self._paths[0], MISSING
                if found and found[-1].text.endswith(MISSING):
                    continue
            if found and found[-1].font == path:
                found[-1] = Run(found[-1].text + letter, path)
            else:
                found.append(Run(letter, path))
        return found[::-1] if is_right_to_left(text) else found

    def width(self, text: str, size: int) -> float:
        """How wide a line is, in pixels."""
        return sum(_length(run, size) for run in self.runs(text))

    def draw(self, picture: Any, x: float, y: float, text: str, size: int, colour: str) -> None:
        """A line on an RGB picture, its left end and base line at (x, y)."""
        from PIL import ImageDraw

        pen = ImageDraw.Draw(picture)
        for run in self.runs(text):
            font, scale = _loaded(run.font, size)
            if scale == 1:
                pen.text((x, y), run.text, font=font, fill=colour, anchor="ls", embedded_color=True)
            else:
                _stamp(picture, x, y, run, size, colour)
            x += _length(run, size)

    def _font(self, letter: str) -> str:
        order = self._emoji_first if ord(letter) >= 0x1F000 else self._paths
        return next((path for path in order if ord(letter) in _letters(path)), "")


def is_right_to_left(text: str) -> bool:
    """Whether the first letter that has a direction runs to the left."""
    strong = (unicodedata.bidirectional(letter) for letter in text)
    return next((direction in ("R", "AL") for direction in strong if direction in ("L", "R", "AL")), False)


def _weight(path: str) -> bool:
    return "Bold" in Path(path).name


@cache
def _letters(path: str) -> frozenset[int]:
    """The code points that a font has; none where the file cannot be used."""
    from fontTools.ttLib import TTFont, TTLibError

    try:
        _loaded(path, STRIKE)
        with TTFont(path, lazy=True, fontNumber=0) as font:
            return frozenset(font.getBestCmap() or {})
    except (TTLibError, OSError, AssertionError, KeyError, ValueError):
        return frozenset()


@cache
def _loaded(path: str, size: int) -> tuple[Any, float]:
    """A font at a size, or at its only size and how much smaller that must be drawn."""
    from PIL import ImageFont

    try:
        return ImageFont.truetype(path, size), 1
    except OSError:  # a font of bitmaps
        return ImageFont.truetype(path, STRIKE), size / STRIKE


def _length(run: Run, size: int) -> float:
    font, scale = _loaded(run.font, size)
    return float(font.getlength(run.text) * scale)


def _stamp(picture: Any, x: float, y: float, run: Run, size: int, colour: str) -> None:
    """Bitmap letters, drawn at their own size and shrunk into the picture."""
    from PIL import Image, ImageDraw

    font, scale = _loaded(run.font, size)
    whole = Image.new("RGBA", (max(1, int(font.getlength(run.text))), int(STRIKE * 1.3)))
    ImageDraw.Draw(whole).text((0, STRIKE), run.text, font=font, fill=colour, anchor="ls", embedded_color=True)
    small = whole.resize((max(1, int(whole.width * scale)), max(1, int(whole.height * scale))))
    picture.paste(small, (int(x), int(y - STRIKE * scale)), small)


_OTHER_STYLES = ("Oblique", "Italic", "Mono", "Condensed", "Serif", "Light", "Thin")
