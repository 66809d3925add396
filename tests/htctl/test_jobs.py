import hashlib
import json
from pathlib import Path

import pytest

from htctl import batchfile, jobs, output
from htctl.batch import Batch
from pipeline.errors import ConfigError

HEAD = "defaults:\n  posts: '{handle}.jsonl'\n  base_model: tiny\n  kubernetes: {image: htctl}\n"


def load(folder: Path, text: str) -> Batch:
    for handle in ("alice", "Bob"):
        (folder / f"{handle}.jsonl").write_text(f'{{"text": "{handle}"}}\n')
    (folder / "bots.yaml").write_text(text)
    return batchfile.load(folder / "bots.yaml", {})


def test_posts_are_named_by_the_hash_of_their_files(tmp_path: Path) -> None:
    found = jobs.objects(load(tmp_path, HEAD + "groups: [alice, alice+Bob]\n"), "s3://bots")
    run = json.loads(found[1]["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"])
    files = {handle.lower(): tmp_path / f"{handle}.jsonl" for handle in ("alice", "Bob")}
    assert run["posts"] == {handle: hashlib.sha256(file.read_bytes()).hexdigest() for handle, file in files.items()}
    assert (run["store"], run["batch"], run["handles"]) == ("s3://bots", "bots", ["alice", "Bob"])


def test_a_problem_of_many_groups_is_told_once_with_their_names(tmp_path: Path) -> None:
    batch = load(tmp_path, HEAD + "groups: [alice, Bob]\n")
    with pytest.raises(ConfigError) as caught:
        jobs.objects(batch, "/a/folder")
    assert str(caught.value).count("\n") == 0
    assert str(caught.value).endswith("(alice, bob)")


def test_only_some_of_very_many_groups_are_named() -> None:
    assert output.some([f"b{i}" for i in range(10_000)]) == "b0, b1, b2, b3, b4 and 9,995 more"
