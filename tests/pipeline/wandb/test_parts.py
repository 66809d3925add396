import json
from pathlib import Path

import pytest

from pipeline.posts import line_writer, write_posts
from pipeline.wandb.parts import write_part
from tests import factories


def test_posts_as_a_list_for_each_handle_without_retweets(tmp_path: Path) -> None:
    sources = []
    for name, texts in {"a": ['one "x"', "two\n"], "b": []}.items():
        path = tmp_path / f"{name}.jsonl.gz"
        write_posts(path, [*map(factories.post, texts), factories.post("RT @x: no", retweet=True)])
        sources.append(str(path))
    write_part(tmp_path / "tweets.txt", "posts", sources)
    assert json.loads((tmp_path / "tweets.txt").read_text(encoding="utf-8")) == [['one "x"', "two\n"], []]


def test_the_training_text_between_end_tokens(tmp_path: Path) -> None:
    with line_writer(tmp_path / "train.jsonl.gz") as write:
        write({"owner": 0, "text": "é"})
        write({"owner": 0, "text": "half a letter \ud800"})
    write_part(tmp_path / "data.txt", "text", [str(tmp_path / "train.jsonl.gz")])
    end = "<|endoftext|>"
    assert (tmp_path / "data.txt").read_text(encoding="utf-8") == f"{end}é{end}half a letter ?{end}"


def test_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no form"):
        write_part(tmp_path / "x", "yaml", [])
