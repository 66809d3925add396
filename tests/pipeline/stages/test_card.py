import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from pipeline.cards import TEMPLATES, facts, hub
from pipeline.pictures import preview
from pipeline.progress import Report
from pipeline.settings import CARDS
from pipeline.stage import Context
from pipeline.stages import card
from pipeline.store import open_store
from pipeline.store.folder import FolderStore
from pipeline.store.objects import read_json
from tests import hub as hubserver
from tests import s3server
from tests.conftest import Finished
from tests.htctl.runner import htctl


def test_the_card_and_the_numbers_lie_beside_the_weights(finished: Finished) -> None:
    text = (finished.model / "README.md").read_text(encoding="utf-8")
    metrics = json.loads((finished.model / "metrics.json").read_text(encoding="utf-8"))
    assert f"{metrics['train']['after']['bits_per_byte']:.3f} |" in text
    assert all(sample.split()[-1][:3] in text for sample in metrics["generate"]["samples"])
    assert metrics["config"]["train"]["epochs"] == 2
    assert "base_model:" not in text


def test_the_preview_has_the_size_that_social_networks_show(finished: Finished) -> None:
    with Image.open(finished.model / "predictions.png") as picture:
        assert picture.size == preview.SIZE
        assert len(picture.getcolors(2**20) or []) > 50


def test_where_the_store_is_stays_at_home(finished: Finished) -> None:
    for name in ("README.md", "metrics.json"):
        assert finished.store.address not in (finished.model / name).read_text(encoding="utf-8")


def test_the_hub_would_take_it(finished: Finished) -> None:
    text = (finished.model / "README.md").read_text(encoding="utf-8")
    assert hub.check(text) == []
    marker = read_json(finished.store, finished.keys.stage("card"))["result"]
    assert marker == {"template": "htctl", "characters": len(text), "problems": []}


@pytest.mark.parametrize("template", CARDS)
def test_the_snippet_runs_as_it_stands_in_the_bot_s_folder(finished: Finished, template: str) -> None:
    text = TEMPLATES[template](facts.of_run(finished.store, finished.keys))
    if "```python" in text:
        code = text.split("```python\n")[1].split("```")[0]
    else:
        code = html.unescape(re.sub(r"<[^>]+>", "", text.split("<pre>")[1].split("</pre>")[0]))
    if "print" not in code:  # the original's ends in a value, as one types it at a prompt
        code = code.rstrip().replace("\ngenerator(", "\nfor post in generator(")
        code += ":\n    print(post['generated_text'])\n"
    assert posts_of(code, finished.model) == 5


def test_the_snippet_runs_where_a_bot_was_fetched_to_from_s3(
    finished: Finished, s3: s3server.Server, tmp_path: Path
) -> None:
    store = open_store(s3.address("fetched"))
    for entry in finished.store.list("bots/"):
        store.upload(finished.store.local(entry.key, tmp_path), entry.key)
    assert htctl("fetch", finished.keys.bot, str(tmp_path / "bot"), "--store", store.address).code == 0
    assert posts_of(snippet(tmp_path / "bot"), tmp_path / "bot") == 5


def test_the_snippet_runs_with_the_bot_s_name_on_a_hub(finished: Finished, tmp_path: Path) -> None:
    shutil.copytree(finished.model, tmp_path / "models" / "alice" / "bot")
    code = snippet(finished.model).replace('model="."', 'model="alice/bot"')
    with hubserver.serve(tmp_path / "models") as endpoint:
        online = {"HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "cache")}
        assert posts_of(code, tmp_path, **online) == 5


def snippet(bot: Path) -> str:
    """The code in the card that lies in a bot's folder."""
    return (bot / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]


def posts_of(code: str, folder: Path, **environment: str) -> int:
    """How many posts a card's code prints where it is run, with neither compiler nor network."""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={
            "PATH": "",
            "HF_HUB_OFFLINE": "1",
            "HOME": os.environ.get("HOME", "/"),
            "OMP_NUM_THREADS": "1",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.count("My dream is")


def test_a_card_that_a_hub_would_refuse_is_told_and_still_written(
    tmp_path: Path, finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    results = {name: read_json(finished.store, finished.keys.stage(name))["result"] for name in facts.NEEDED}
    results["clean"]["languages"] = ["en-GB"]
    store = FolderStore((tmp_path / "store").resolve())
    store.write(finished.keys.config, (Path(finished.store.address) / finished.keys.config).read_bytes())
    context = Context(finished.config, store, finished.keys, tmp_path, Report(), results)
    result = card.run(context)
    assert result["problems"] == [
        "language[0]: 'en-GB' names a region or script; write 'en' here, and the whole in language_bcp47"
    ]
    assert "warning: a hub would refuse the card: language[0]" in capsys.readouterr().err
    assert store.exists(finished.keys.model("README.md"))
