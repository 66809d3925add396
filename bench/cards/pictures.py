#!/usr/bin/env python3
"""Pictures of cards in headless Chromium, each beside one of huggingtweets' own, as a hub shows them.

    .venv/bin/python bench/cards/pictures.py STORE [BOT=OLD ...]      # into docs/cards/

STORE is a folder with the bots; OLD is one of the five cards in tests/pipeline/cards/golden. Pictures from the web are
not fetched. The page's style is our own, in the manner of GitHub's; no hub's is copied.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.pipeline.cards import shown  # noqa: E402

OUT = ROOT / "docs" / "cards"
GOLDEN = ROOT / "tests" / "pipeline" / "cards" / "golden"
PAIRS = [
    "elonmusk=jeffdean",
    "elonmusk_2025=abkazias",
    "bustan_salma-panya_nikki=h_ototake-hirox246-ochyai",
    "panya_nikki=plesmasquerade",
    "bustan_salma=uppityducky",
]
WIDTH, HEIGHT = 1500, 3100
STYLE = """
body { margin: 0; display: flex; font: 15px/1.5 "Noto Sans", "Noto Sans CJK JP", "Noto Sans Arabic", sans-serif; }
main { width: 50%; box-sizing: border-box; padding: 16px 28px; overflow-wrap: break-word; }
main + main { border-left: 1px solid #d0d7de; }
h1, h2, h3 { line-height: 1.25; margin: 18px 0 8px; } h1 { font-size: 26px; } h2 { font-size: 20px; }
p, ul, table, pre { margin: 8px 0; } a { color: #0969da; } img { max-width: 100%; max-height: 300px; }
table { border-collapse: collapse; } td, th { border: 1px solid #d0d7de; padding: 3px 10px; }
pre { background: #f6f8fa; padding: 10px; white-space: pre-wrap; } code { font-size: 13px; }
.flex { display: flex; justify-content: center; }
"""


def main() -> None:
    store, pairs = Path(sys.argv[1]).resolve(), sys.argv[2:] or PAIRS
    OUT.mkdir(exist_ok=True)
    for pair in pairs:
        bot, _, old = pair.partition("=")
        run = json.loads((store / "bots" / bot / "latest.json").read_bytes())["run"]
        model = store / "bots" / bot / "runs" / run / "model"
        ours = column(model / "README.md")
        theirs = column(GOLDEN / f"{old}.md")
        picture(page(ours, theirs), OUT / f"{bot}.png")
        print(OUT / f"{bot}.png", (OUT / f"{bot}.png").stat().st_size)


def column(card: Path) -> str:
    """A card's HTML, the pictures that lie beside it named whole."""
    html = shown.cleaned(shown.rendered(card.read_bytes().decode()))
    return html.replace('<img src="', f'<img src="{card.parent.as_uri()}/').replace(
        f"{card.parent.as_uri()}/https:", "https:"
    )


def page(left: str, right: str) -> str:
    return f'<!doctype html><meta charset="utf-8"><style>{STYLE}</style><main>{left}</main><main>{right}</main>'


def picture(html: str, path: Path) -> None:
    """The page's upper part as a small PNG."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "page.html").write_text(html, encoding="utf-8")
        shoot(Path(folder) / "page.html", Path(folder) / "shot.png")
        with Image.open(Path(folder) / "shot.png") as shot:
            small = shot.convert("RGB").resize((WIDTH * 3 // 5, HEIGHT * 3 // 5), Image.Resampling.LANCZOS)
    small.quantize(32, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)


def shoot(page: Path, path: Path) -> None:
    """What Chromium shows of a page; it reaches no network."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not browser:
        sys.exit("no Chromium here: install it (Debian: apt-get install chromium fonts-noto)")
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--disable-background-networking",
    ]
    options += ["--host-resolver-rules=MAP * ~NOTFOUND", "--allow-file-access-from-files", "--no-first-run"]
    options += [f"--user-data-dir={page.parent}/profile", f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={path}"]
    subprocess.run([browser, *options, page.as_uri()], check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    main()
