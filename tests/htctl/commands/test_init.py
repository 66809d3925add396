from pathlib import Path

import yaml

from htctl import batchfile
from tests.htctl.runner import htctl


def test_the_file_is_a_sound_batch_once_the_posts_are_there(tmp_path: Path) -> None:
    path = tmp_path / "My bots.yaml"
    ran = htctl("init", str(path))
    assert ran.code == 0
    assert f"htctl run -f {path}" in ran.out
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts" / "your_handle.jsonl").write_text('{"text": "hello"}\n')
    batch = batchfile.load(path, {})
    assert (batch.name, batch.groups[0].bot) == ("my-bots", "your_handle")


def test_every_comment_with_a_setting_is_a_sound_setting(tmp_path: Path) -> None:
    """Take the `# ` off every commented setting: all of them together are still a sound file."""
    path = tmp_path / "bots.yaml"
    htctl("init", str(path))
    lines = path.read_text(encoding="utf-8").split("\ngroups:")[0].splitlines()
    bare = [
        line.replace("  # ", "  ", 1).replace("  #   ", "    ", 1) if line.startswith("  #") else line for line in lines
    ]
    data = yaml.safe_load("\n".join(bare))
    assert set(data["defaults"]) >= {
        "train",
        "clean",
        "dataset",
        "generate",
        "resources",
        "card",
        "license",
        "kubernetes",
    }
    assert data["defaults"]["train"]["epochs"] == 4
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts" / "a.jsonl").write_text('{"text": "hello"}\n')
    batchfile.build({**data, "groups": ["a"]}, {}, name="x", folder=tmp_path)


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "bots.yaml"
    path.write_text("mine")
    ran = htctl("init", str(path))
    assert (ran.code, path.read_text()) == (2, "mine")
    assert "is there already; --force writes over it" in ran.err
    assert htctl("init", str(path), "--force").code == 0
    assert path.read_text() != "mine"


def test_a_folder_is_no_file_to_write(tmp_path: Path) -> None:
    ran = htctl("init", str(tmp_path), "--force")
    assert (ran.code, ran.err) == (2, f"error: {tmp_path} is a folder; name a file: htctl init {tmp_path}/bots.yaml\n")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    ran = htctl("init", str(tmp_path / "no" / "bots.yaml"))
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "No such file or directory" in ran.err
