import io
import json
from typing import Any

import pytest

from pipeline.errors import ConfigError
from pipeline.sources import jsonstream


def read(content: str | bytes) -> list[Any]:
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    return list(jsonstream.members(io.BytesIO(data).read, "tweets.js"))


ITEMS = [{"a": 'quote " and ] and {'}, {"text": "日本語 🐤 \ud83d"}, [1, [2]], "s", 12345, True, None, {}]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64, 1 << 20])
@pytest.mark.parametrize("ascii_", [True, False])
def test_members_come_one_by_one_wherever_the_chunks_end(
    monkeypatch: pytest.MonkeyPatch, chunk: int, ascii_: bool
) -> None:
    monkeypatch.setattr(jsonstream, "CHUNK", chunk)
    for indent in (None, 2):
        text = "[" + json.dumps(ITEMS, ensure_ascii=ascii_, indent=indent)[1:] + ";\n"
        assert read(text) == ITEMS


def test_what_stands_before_and_after_the_array_does_not_matter() -> None:
    assert read('\ufeffwindow.YTD.tweets.part0 = [ {"a": 1} , 2 ] ; "and more" [') == [{"a": 1}, 2]
    assert read("x = []") == read("x = [\n]") == []


def test_no_more_is_held_than_a_member_and_some_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonstream, "CHUNK", 1000)
    data = io.BytesIO(b"[" + b'{"text": "the weather is fine"},' * 10_000 + b"0]")
    ahead = [data.tell() - 32 * number for number, _ in enumerate(jsonstream.members(data.read, "x"))]
    assert max(ahead) <= 1100


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("window.x = {}", "tweets.js: holds no list of posts"),
        ("", "tweets.js: holds no list of posts"),
        ('x = [{"a": 1}, {"b" 2}]', "tweets.js: item 2, near character 20: not JSON (Expecting ':' delimiter)"),
        ('x = [{"a": 1} {"b": 2}]', "item 1, near character 14: not JSON (a comma"),
        ('x = [{"a": 1}, {"text": "cut o', "item 2, near character 24: not JSON (Unterminated string"),
        ('x = [{"a": 1}', "item 1, near character 13: not JSON (a comma or the array's end is missing)"),
        ("x = [", "item 1, near character 5: not JSON (Expecting value)"),
        ("x = [1,]", "item 2, near character 7: not JSON (Expecting value)"),
        ("x = [" + "[" * 100_000, "item 1, near character 5: nested too deeply"),
        ("x = [" + "1" * 5000 + "]", "item 1, near character 5: not JSON (Exceeds the limit"),
        (b'x = [{"a": "\xff"}]', "tweets.js: item 0, near character 0: not UTF-8 text (invalid start byte)"),
    ],
)
def test_what_is_wrong_and_about_where(content: str | bytes, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(content)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_places_count_from_the_file_s_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonstream, "CHUNK", 16)
    text = "x = [" + '{"a": 1},' * 1000 + "oops]"
    with pytest.raises(ConfigError, match=f"item 1,001, near character {text.index('oops'):,}"):
        read(text)


def test_a_member_without_end_is_given_up_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonstream, "CHUNK", 1000)
    monkeypatch.setattr(jsonstream, "LONGEST", 10_000)
    data = io.BytesIO(b'["' + b"a" * 1_000_000)
    with pytest.raises(ConfigError, match="item 1, near character 1: longer than 10,000 characters"):
        list(jsonstream.members(data.read, "x"))
    assert data.tell() < 50_000


def test_the_file_is_read_to_its_end_where_a_zip_tells_of_broken_bytes() -> None:
    data = io.BytesIO(b"[1] " + b"x" * (3 * jsonstream.CHUNK))
    list(jsonstream.members(data.read, "x"))
    assert data.read() == b""
