import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipeline.cards import TEMPLATES
from tests.pipeline.cards import runs

SCRIPT = Path(__file__).parents[3] / "bench" / "cards" / "pictures.py"


@pytest.mark.slow
def test_a_browser_shows_a_card_and_runs_nothing_of_it(tmp_path: Path) -> None:
    if not shutil.which("chromium"):
        pytest.skip("no chromium here (Debian: apt-get install chromium)")
    script: dict[str, Any] = runpy.run_path(str(SCRIPT))
    nasty = '<script>document.body.style.background = "red"</script><b onclick=x>日本語 | مرحبا'
    (tmp_path / "README.md").write_text(TEMPLATES["htctl"](runs.facts(generate__samples=[nasty])), encoding="utf-8")
    column = script["column"](tmp_path / "README.md")
    script["picture"](script["page"](column, column), tmp_path / "card.png")
    with Image.open(tmp_path / "card.png") as picture:
        shown = picture.convert("RGB")
        assert shown.getpixel((shown.width - 2, shown.height - 2)) == (255, 255, 255)
        assert len(shown.getcolors(100000) or []) > 4
