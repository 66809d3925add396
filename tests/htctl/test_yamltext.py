import re

import pytest
import yaml

from htctl import yamltext


def plain(text: str) -> bool:
    return yamltext.documents([{"key": text}]) == f"---\nkey: {text}\n"


@pytest.mark.parametrize(
    "text", ["12e4", "0x1f", "no", "Yes", "y", "null", "~", "1_000", "", ".inf", "2026-11-21", "a: b", "- a"]
)
def test_what_some_yaml_reads_as_something_else_is_quoted(text: str) -> None:
    written = yamltext.documents([{"key": text}])
    assert re.fullmatch(r'---\nkey: ".*"\n', written)
    assert yaml.safe_load(written) == {"key": text}


@pytest.mark.parametrize("text", ["batch/v1", "Job", "htctl.dev", "/dev/shm", "d2c1941ced0be95a"])
def test_words_are_left_bare(text: str) -> None:
    assert plain(text)


@pytest.mark.parametrize("text", ['{"a": "it\'s $5"}', "日本 🙂", "line\nline", "tab\t\x07", "x " * 500])
def test_any_text_comes_back_as_it_was(text: str) -> None:
    assert yaml.safe_load(yamltext.documents([{"key": text}])) == {"key": text}


def test_json_stays_legible_on_one_line() -> None:
    assert yamltext.documents([{"key": '{"a": 1}'}]) == "---\nkey: '{\"a\": 1}'\n"


def test_an_object_that_comes_twice_is_written_twice() -> None:
    same = {"key": 1}
    assert yamltext.documents([{"one": same, "two": same}]) == "---\none:\n  key: 1\ntwo:\n  key: 1\n"
