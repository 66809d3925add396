import gzip
import hashlib
import json
import tempfile
from pathlib import Path

import pytest

from htctl import postsfiles
from pipeline.errors import ConfigError
from pipeline.sources import jsonl
from pipeline.store.folder import FolderStore
from tests import factories


def test_the_same_bytes_are_kept_once_whatever_their_name(store: FolderStore, tmp_path: Path) -> None:
    for name in ("one.jsonl", "other.jsonl"):
        (tmp_path / name).write_bytes(b'{"text": "a"}\n')
    sha256 = postsfiles.keep(store, tmp_path / "one.jsonl")
    assert sha256 == hashlib.sha256(b'{"text": "a"}\n').hexdigest()
    assert postsfiles.keep(store, tmp_path / "other.jsonl") == sha256
    assert [entry.key for entry in store.list("posts/")] == [
        f"posts/file/{sha256}/data",
        f"posts/file/{sha256}/index.json",
    ]
    index = json.loads(store.read(f"posts/file/{sha256}/index.json").data)  # type: ignore[union-attr]
    assert index == {"name": "one.jsonl", "bytes": 14, "sha256": sha256}


def test_an_upload_that_was_cut_off_is_made_again(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(b"whole")
    sha256 = hashlib.sha256(b"whole").hexdigest()
    store.write(f"posts/file/{sha256}/data", b"wh")  # no index.json: not complete
    postsfiles.keep(store, tmp_path / "p")
    assert store.read(f"posts/file/{sha256}/data").data == b"whole"  # type: ignore[union-attr]


def test_a_file_that_cannot_be_read_is_one_line(store: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone: No such file or directory"):
        postsfiles.keep(store, tmp_path / "gone")


ITEMS = [factories.tweet("one &amp; only", id_str="5", lang="en"), factories.tweet("RT @bob: two", id_str="4")]
MEMBERS: dict[str, str | bytes] = {
    "data/tweets.js": factories.assignment(ITEMS),
    "data/account.js": factories.assignment([{"account": {"username": "alice", "email": "a@secret"}}], "account"),
    "data/direct-messages.js": "secret",
}


@pytest.mark.parametrize("name", ["twitter-2026.zip", "twitter-2026"])
def test_of_an_archive_only_the_posts_are_kept(
    store: FolderStore, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = factories.write_archive(tmp_path / name, MEMBERS)
    sha256 = postsfiles.keep(store, path, "Alice")
    data, index = (store.read(f"posts/file/{sha256}/{part}").data for part in ("data", "index.json"))  # type: ignore[union-attr]
    assert hashlib.sha256(data).hexdigest() == sha256
    assert json.loads(index)["name"] == name
    assert len(list(store.list(""))) == 2
    assert not any(b"secret" in text for text in (data, gzip.decompress(data), index))
    (tmp_path / "taken").write_bytes(data)
    assert list(jsonl.read(tmp_path / "taken", "taken")) == [
        ("5", "one &amp; only", "2018-10-10T20:19:24.000Z", "en", False),
        ("4", "RT @bob: two", "2018-10-10T20:19:24.000Z", "", True),
    ]
    assert capsys.readouterr().err == f"@Alice: 2 posts taken from {path}; nothing else of it is kept\n"


def test_an_archive_s_posts_are_the_same_file_every_time(store: FolderStore, tmp_path: Path) -> None:
    paths = [factories.write_archive(tmp_path / name, MEMBERS) for name in ("one.zip", "other.zip", "unpacked")]
    assert len({postsfiles.keep(store, path, "alice") for path in paths}) == 1


def test_nothing_is_left_of_an_archive_that_breaks_off(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    path = factories.write_archive(tmp_path / "a", {"data/tweets.js": 'x = [{"text": "a"}, {'})
    with pytest.raises(ConfigError, match="item 2"):
        postsfiles.keep(store, path, "alice")
    assert list(store.list("")) == list(scratch.iterdir()) == []


def test_what_is_no_post_is_left_out_where_it_may_be(
    store: FolderStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = factories.write_archive(tmp_path / "a", {"data/tweets.js": factories.assignment([*ITEMS, {}])})
    with pytest.raises(ConfigError, match="item 3: a post must have full_text; --skip-bad leaves"):
        postsfiles.keep(store, path, "alice")
    postsfiles.keep(store, path, "alice", skip_bad=True)
    assert f"2 posts taken from {path}, 1 bad post skipped (post 3); nothing" in capsys.readouterr().err


def test_problems_show_without_reading_the_posts(tmp_path: Path) -> None:
    lines = factories.write_posts(tmp_path / "a.jsonl", ["a"])
    zipped = factories.write_archive(tmp_path / "a.zip", {**MEMBERS, "data/tweets.js": "broken"})
    assert [postsfiles.problem(path, "alice", "jsonl") for path in (lines, zipped)] == ["", ""]
    assert postsfiles.problem(zipped, "alice", "archive") == ""
    assert "is not X's archive" in postsfiles.problem(lines, "alice", "archive")
    assert "is the archive of @alice, not of @bob" in postsfiles.problem(zipped, "bob", "jsonl")
    assert "no such file" in postsfiles.problem(tmp_path / "gone.zip", "alice", "archive")
    assert "not a file" in postsfiles.problem(Path("/dev/null"), "alice", "jsonl")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("p.csv", b"a,b\n1,2\n", " is not JSON; a file has one post a line"),
        ("p.jsonl.gz", b"not packed", " is called .gz but is no gzip; "),
        ("p.jsonl", b"", ""),
        ("p.jsonl", b'\xef\xbb\xbf \n{"text": "a"}\n', ""),
        ("p.jsonl", b'[{"text": "a"}]', ""),
        ("p.jsonl.gz", gzip.compress(b'{"text": "a"}\n', mtime=0), ""),
    ],
)
def test_what_cannot_be_posts_is_told_before_anything_is_sent(
    tmp_path: Path, name: str, data: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(data)
    told = postsfiles.problem(tmp_path / name, "jack", "jsonl")
    assert (said in told) if said else not told
    assert not postsfiles.problem(tmp_path / name, "jack", "jsonl", skip_bad=True)
