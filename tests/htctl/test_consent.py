from pathlib import Path

import pytest

from htctl import batchfile
from pipeline.errors import ConfigError


def load(folder: Path, listed: str, groups: str) -> list[str]:
    """The problems of a batch file whose list of consent is this."""
    (folder / "consent.txt").write_text(listed, encoding="utf-8")
    path = folder / "bots.yaml"
    path.write_text(f"consent: consent.txt\ndefaults: {{source: x}}\ngroups:\n{groups}", encoding="utf-8")
    try:
        batchfile.load(path, {})
    except ConfigError as error:
        return str(error).split("\n       ")
    return []


def test_those_who_have_agreed_are_taken(tmp_path: Path) -> None:
    listed = "\ufeff# asked in May\n@Alice   # by mail, 2026-05-02\n\nbob\n"
    assert load(tmp_path, listed, "- alice+Bob\n- BOB\n") == []


def test_each_other_one_is_refused_with_its_line(tmp_path: Path) -> None:
    found = load(tmp_path, "alice # and not bob\n", "- alice\n- alice+bob\n- handles: [carol, carol]\n")
    assert [text.split(":", 2)[1] for text in found if "not on the list" in text] == ["5", "6"]
    assert "groups[1].handles: @bob is not on the list of those who have agreed" in found[0] + found[1]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("nowhere.txt", "consent: {folder}/nowhere.txt: No such file or directory"),
        ("[alice]", "consent: must be text, not a list"),
        ("bots.bin", "bots.bin: not UTF-8 text"),
        ("", "consent: must be text, not nothing"),
    ],
)
def test_a_list_that_cannot_be_read_takes_nobody(tmp_path: Path, value: str, says: str) -> None:
    (tmp_path / "bots.bin").write_bytes(b"\xff\xfe\x00")
    path = tmp_path / "bots.yaml"
    path.write_text(f"consent: {value}\ndefaults: {{source: x}}\ngroups: [alice]\n")
    with pytest.raises(ConfigError) as raised:
        batchfile.load(path, {})
    assert says.format(folder=tmp_path) in str(raised.value)
