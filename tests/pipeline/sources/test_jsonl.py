import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ConfigError
from pipeline.posts import Skipped
from pipeline.sources import jsonl


def read(tmp_path: Path, content: str | bytes) -> list[Any]:
    path = tmp_path / "posts"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(jsonl.read(path, "posts.jsonl"))


def texts(tmp_path: Path, *objects: Any) -> list[str]:
    return [post.text for post in read(tmp_path, "\n".join(map(json.dumps, objects)))]


PAGE = {
    "data": [{"id": "2", "text": "newer"}, {"id": "1", "text": "older"}],
    "includes": {"users": [{"id": "9", "username": "alice"}], "tweets": [{"id": "7", "text": "somebody else's"}]},
    "meta": {"result_count": 2, "next_token": "abc"},
}


def test_x_objects_one_a_line(tmp_path: Path) -> None:
    line = '{"id": "5", "text": "hi", "created_at": "2025-11-27T20:00:55.000Z", "lang": "en"}\n'
    assert read(tmp_path, line) == [("5", "hi", "2025-11-27T20:00:55.000Z", "en", False)]


def test_whole_answer_pages_one_a_line_or_several(tmp_path: Path) -> None:
    assert texts(tmp_path, PAGE, PAGE) == ["newer", "older"] * 2
    pretty = json.dumps(PAGE, indent=2)
    assert [post.text for post in read(tmp_path, f"{pretty}\n{pretty}\n")] == ["newer", "older"] * 2


def test_pretty_pages_after_blank_lines_in_time_linear_in_their_size(tmp_path: Path) -> None:
    page = json.dumps({"data": [{"id": "1", "text": "a"}]}, indent=2)
    assert len(read(tmp_path, "\n\n" + f"{page}\n" * 20_000)) == 20_000


def test_half_a_surrogate_pair_is_readable_text(tmp_path: Path) -> None:
    (post,) = read(tmp_path, '{"id": "\\ud800", "text": "half \\ud83d of a pair"}')
    assert (post.id, post.text) == ("\ufffd", "half \ufffd of a pair")


def test_a_page_without_posts_has_none(tmp_path: Path) -> None:
    assert texts(tmp_path, {"meta": {"result_count": 0}}, {"id": "1", "text": "x"}) == ["x"]


def test_plain_texts_lists_blank_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    assert [post.text for post in read(tmp_path, b'\xef\xbb\xbf{"text": "a"}\n\n{"text": "b"}')] == ["a", "b"]
    assert texts(tmp_path, [{"text": "a"}, {"text": "b"}]) == ["a", "b"]


def test_gzip_is_known_by_its_bytes(tmp_path: Path) -> None:
    assert [post.text for post in read(tmp_path, gzip.compress(b'{"text": "a"}\n'))] == ["a"]


@pytest.mark.parametrize("key", ["note_tweet", "note_post"])
def test_a_long_post_s_whole_text_under_both_names(tmp_path: Path, key: str) -> None:
    assert texts(tmp_path, {"text": "cut sho…", key: {"text": "cut short no more"}}) == ["cut short no more"]
    assert texts(tmp_path, {"text": "whole", key: {}}) == ["whole"]


def test_full_text_of_the_old_api(tmp_path: Path) -> None:
    assert texts(tmp_path, {"id_str": "1", "full_text": "whole", "text": "who…"}) == ["whole"]


@pytest.mark.parametrize(
    ("item", "retweet"),
    [
        ({"referenced_tweets": [{"type": "retweeted", "id": "1"}]}, True),
        ({"referenced_posts": [{"type": "retweeted", "id": "1"}]}, True),
        ({"referenced_tweets": [{"type": "quoted", "id": "1"}, {"type": "replied_to", "id": "2"}]}, False),
        ({"referenced_tweets": None}, False),
        ({"retweeted_status": {"id": 1}}, True),
        ({"retweeted_status": None}, False),
        ({"referenced_tweets": 5}, False),
        ({"text": "RT @alice: as old answers tell it"}, True),
        ({"text": "RT this if you like tea"}, False),
    ],
)
def test_retweets_are_told_under_old_and_new_names(tmp_path: Path, item: dict[str, Any], retweet: bool) -> None:
    assert [post.retweet for post in read(tmp_path, json.dumps({"text": "plain words", **item}))] == [retweet]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"text": "a"}\n{"text": \n', "posts.jsonl, line 2: not JSON"),
        ('{"text": "a"}\n{"text": \n{"text": "b"}\n', "line 2: not JSON"),
        ('{"text": "a"}\n{"id": "1"}\n', "this one has id; --skip-bad leaves such lines out"),
        (b'{"text": "a"}\n\x00\x00\x00\x00\n', "line 2: not"),
        ('{"text": "a"}\n{"id": "1"}\n', 'line 2: a post must have "text"; this one has id'),
        ('{"text": 5}\n', "line 1: a post's text must be text, not 5"),
        ("a,b\n1,2\n", "line 1: not JSON; each line must hold one post"),
        ('{"text": "a"}\n"b"\n', 'line 2: a post must be a JSON object, not "b"'),
        ("hello\nworld\n", "line 1: not JSON"),
        (b'{"text": "a"}\n\xff\xfe\n', "line 2: not UTF-8 text"),
        (b"\xff\xd8\xff\xe0 a picture", "not UTF-8 text"),
        (gzip.compress(b'{"text": "a"}\n' * 1000, mtime=0)[:-20], "broken gzip"),
        (gzip.compress(b'{"text": "a"}\n' * 1000, mtime=0)[:20] + b"\xff" * 40, "broken gzip"),
        ('{"text": "a"}\n' + '{"a":' * 100_000, "line 2: not JSON (nested too deeply)"),
        (
            '{"errors": [{"title": "Not Found Error"}]}\n',
            'line 1: an error that the API answered, not a post: [{"title"',
        ),
    ],
)
def test_what_is_wrong_and_where(tmp_path: Path, content: str | bytes, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, content)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


LF = "\n"
PRETTY = json.dumps(PAGE, indent=2)


@pytest.mark.parametrize(
    ("content", "found", "says"),
    [
        ('{"text": "a"}\n{"text": \n\n{"text": "b"}\n', ["a", "b"], "1 bad line skipped (line 2)"),
        ('{"text": "a"}\n"b"\n5\n{"id": "1"}\n', ["a"], "3 bad lines skipped (lines 2, 3, 4)"),
        (b'{"text": "a"}\n\xff\xfe\n\x00\x00\n{"text": "b"}', ["a", "b"], "2 bad lines skipped (lines 2, 3)"),
        ('{"text": "a"}\n{"errors": [{}]}\n', ["a"], "1 bad line skipped (line 2)"),
        ('{"text": "a"}\n[{"text": "b"}, 5, {}, {"text": "c"}]\n', ["a", "b", "c"], "1 bad line skipped (line 2)"),
        ('ut off"}\n{"text": "a"}\n', ["a"], "1 bad line skipped (line 1)"),
        ('{"text": \n{"text": "a"}\n', ["a"], "1 bad line skipped (line 1)"),
        (
            f'{PRETTY}\n{{"data": [\n{PRETTY}\n',
            ["newer", "older"] * 2,
            f"1 bad line skipped (line {PRETTY.count(LF) + 2})",
        ),
        ('{\n{"text": "a"}\noops', ["a"], "2 bad lines skipped (lines 1, 3)"),
        ('{"text": "a"}\n{"text": "b"', ["a"], "1 bad line skipped (line 2)"),
        ("a\n" * 10, [], "10 bad lines skipped (lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)"),
        ("a\n" * 12, [], "12 bad lines skipped (lines 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ...)"),
        ('{"text": "a"}\n' + '{"a":' * 100_000 + '\n{"text": "b"}\n', ["a", "b"], "1 bad line skipped (line 2)"),
        ('{"text": "a"}\n', ["a"], ""),
    ],
)
def test_bad_lines_can_be_left_out(tmp_path: Path, content: str | bytes, found: list[str], says: str) -> None:
    path = tmp_path / "posts"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    skipped = Skipped()
    assert [post.text for post in jsonl.read(path, "posts.jsonl", skipped)] == found
    assert str(skipped).removeprefix(", ") == says


def test_a_broken_first_line_does_not_bring_the_whole_file_into_memory(tmp_path: Path) -> None:
    import tracemalloc

    (tmp_path / "posts").write_text('ut off"}\n' + f'{{"text": "{"a" * 10_000}"}}\n' * 200)
    tracemalloc.start()
    assert sum(1 for _ in jsonl.read(tmp_path / "posts", "x", Skipped())) == 200
    assert tracemalloc.get_traced_memory()[1] < 500_000
    tracemalloc.stop()


def test_broken_gzip_cannot_be_skipped(tmp_path: Path) -> None:
    (tmp_path / "posts").write_bytes(gzip.compress(b'{"text": "a"}\n' * 1000)[:-20])
    with pytest.raises(ConfigError, match="broken gzip"):
        list(jsonl.read(tmp_path / "posts", "x", Skipped()))


@pytest.mark.parametrize("content", ["", "\n", "\n  \n\t\n", gzip.compress(b"", mtime=0)])
def test_a_file_without_posts_has_none(tmp_path: Path, content: str | bytes) -> None:
    assert read(tmp_path, content) == []


@pytest.mark.parametrize("text", ["a" * 60_000, "nul \x00 in it", "שלום עולם \u202b مرحبا", "👩‍👩‍👧 🇯🇵 🏴‍☠️"])
def test_texts_of_all_kinds_come_as_they_are(tmp_path: Path, text: str) -> None:
    assert texts(tmp_path, {"text": text}) == [text]
    assert [post.text for post in read(tmp_path, json.dumps({"text": text}, ensure_ascii=False))] == [text]
