import json
from pathlib import Path

from pipeline.posts import line_writer
from pipeline.stages import generate
from tests import factories
from tests.conftest import Finished
from tests.pipeline import contexts


def test_the_recipe_s_samples(finished: Finished) -> None:
    result = json.loads(finished.store.read(finished.keys.stage("generate")).data)["result"]
    assert len(result["samples"]) == 3
    assert all(sample.startswith("My dream is") for sample in result["samples"])
    assert result["copies"]["posts"] <= 4
    assert result["posts_per_second"] > 0


def test_copies_word_for_word_and_nearly(tmp_path: Path) -> None:
    context = contexts.make(tmp_path, {})
    known = factories.sentences(50)
    with context.writing(context.keys.dataset("train.jsonl.gz")) as path, line_writer(path) as write:
        for text in known:
            write({"owner": 0, "text": text})
    posts = [known[3], known[4].upper(), f"{known[5]} 17 https://t.co/x", "nothing like it was ever said", ""]
    assert generate._copies(context, [post for post in posts if post]) == {"posts": 4, "verbatim": 2, "near": 3}
    assert generate._copies(context, []) == {"posts": 0, "verbatim": 0, "near": 0}
