from pathlib import Path

import pytest

from htctl import yamlfile
from pipeline.errors import ConfigError

TEXT = """\
batch: b
defaults:
  train:
    epochs: 4
groups:
- one
- handles: [two]
  train: {epochs: 6}
"""


def read(tmp_path: Path, content: str | bytes) -> yamlfile.Document:
    path = tmp_path / "bots.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return yamlfile.read(path)


def test_every_part_has_its_line(tmp_path: Path) -> None:
    document = read(tmp_path, TEXT)
    assert document.data["groups"][1]["train"] == {"epochs": 6}
    wanted = {("batch",): 1, ("defaults", "train", "epochs"): 4, ("groups", 0): 6, ("groups", 1, "train", "epochs"): 8}
    assert {path: document.lines[path] for path in wanted} == wanted


def test_a_key_given_twice_is_a_problem(tmp_path: Path) -> None:
    (problem,) = read(tmp_path, "batch: a\ndefaults: {}\nbatch: b\n").problems
    assert str(problem) == "batch: is given twice, first in line 1"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a: [1\nb: 2\n", "bots.yaml:2: not YAML"),
        ("a: !!python/object:os.system x\n", "bots.yaml:1: not YAML"),
        ("a: 1\n---\nb: 2\n", "not YAML"),
        ("a: &x [*x]\n", "nested without end"),
        ("[" * 200_000, "bots.yaml:1: nested more than 100 deep"),
        (b"\xff\xfe\xff", "not UTF-8 text"),
    ],
)
def test_what_cannot_be_read_says_where(tmp_path: Path, content: str | bytes, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, content)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        yamlfile.read(tmp_path / "nowhere.yaml")


def test_an_empty_file_has_no_data(tmp_path: Path) -> None:
    assert read(tmp_path, "# nothing\n").data is None
