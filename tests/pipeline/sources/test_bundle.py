import io
import random
import struct
import warnings
import zipfile
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.sources import bundle
from tests import factories

MEMBERS: dict[str, str | bytes] = {"data/tweets.js": "x = [1]" * 500, "data/account.js": "y"}


def read(path: Path, name: str = "data/tweets.js") -> bytes:
    with bundle.opened(path) as files, files.open(name) as read:
        return b"".join(iter(lambda: read(100), b""))


def wrong(path: Path, name: str = "data/tweets.js") -> str:
    with pytest.raises(ConfigError) as caught:
        read(path, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["packed.zip", "unpacked"])
def test_a_zip_and_a_folder_are_read_alike(tmp_path: Path, name: str) -> None:
    path = factories.write_archive(tmp_path / name, MEMBERS)
    assert bundle.is_bundle(path)
    with bundle.opened(path) as files:
        assert set(files.names()) == set(MEMBERS)
    assert read(path) == b"x = [1]" * 500


def test_a_zip_is_known_by_its_bytes_or_its_name_and_a_file_of_lines_is_none(tmp_path: Path) -> None:
    zipped = factories.write_archive(tmp_path / "a.zip", MEMBERS)
    assert bundle.is_bundle(zipped.rename(tmp_path / "download"))
    assert bundle.is_bundle(tmp_path / "not-there.ZIP")
    assert not bundle.is_bundle(factories.write_posts(tmp_path / "posts.jsonl", ["a"]))
    assert not bundle.is_bundle(tmp_path / "not-there")


def test_what_is_no_zip_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text('{"text": "a"}\n')
    assert wrong(tmp_path / "a.zip").startswith(f"{tmp_path}/a.zip: no zip, or only a part of one")
    assert wrong(tmp_path / "gone.zip").startswith(f"{tmp_path}/gone.zip: ")


def test_half_a_zip_is_said(tmp_path: Path) -> None:
    path = factories.write_archive(tmp_path / "a.zip", MEMBERS)
    path.write_bytes(path.read_bytes()[:-60])
    assert "no zip, or only a part of one" in wrong(path)


def test_bytes_that_are_not_those_packed_are_found(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        file.writestr("data/tweets.js", "x = [1, 2, 3]")
    path.write_bytes(path.read_bytes().replace(b"[1, 2", b"[1, 9"))
    assert "data/tweets.js: broken zip (Bad CRC-32" in wrong(path)


def test_an_encrypted_zip_is_said(tmp_path: Path) -> None:
    path = factories.write_archive(tmp_path / "a.zip", MEMBERS)
    data = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):  # of every header, central and local
        at = data.find(signature)
        while at >= 0:
            data[at + flags] |= 1
            at = data.find(signature, at + 1)
    path.write_bytes(data)
    assert "data/tweets.js is encrypted; unpack the zip and give the folder" in wrong(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packing_whose_unpacking_has_no_bounds_is_refused(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as file:
        file.writestr("data/tweets.js", "x = [1]")
    assert "packed in a way that X does not use" in wrong(tmp_path / "a.zip")


def test_of_two_members_with_one_name_the_last_counts(tmp_path: Path) -> None:
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        warnings.simplefilter("ignore")
        file.writestr("data/tweets.js", "first")
        file.writestr("data/tweets.js", "last")
    assert read(tmp_path / "a.zip") == b"last"


def test_names_that_lead_out_are_never_written_to_disk(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "down"
    folder.mkdir(parents=True)
    path = factories.write_archive(folder / "a.zip", {**MEMBERS, "../../x.js": "out", "/abs.js": "out"})
    assert read(path, "../../x.js") == b"out"
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]


def test_zip64_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file, file.open("data/tweets.js", "w", force_zip64=True) as member:
        member.write(b"x = [1]")
    assert read(tmp_path / "a.zip") == b"x = [1]"


def test_names_with_backslashes_are_understood(tmp_path: Path) -> None:
    assert read(factories.write_archive(tmp_path / "a.zip", {"data\\tweets.js": "x"})) == b"x"


def test_a_bomb_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "PLENTY", 1 << 20)
    bomb = factories.write_archive(tmp_path / "a.zip", {"data/tweets.js": b" " * (3 << 20)})
    assert "unpacks to more than 200 times its size (a zip bomb?)" in wrong(bomb)
    text = random.Random(0).randbytes(3 << 19).hex()
    assert len(read(factories.write_archive(tmp_path / "b.zip", {"data/tweets.js": text}))) == 3 << 20


def test_a_bomb_that_lies_about_its_packed_size_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "PLENTY", 1 << 20)
    path = factories.write_archive(tmp_path / "a.zip", {"data/tweets.js": b" " * (3 << 20)})
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.rfind(b"PK\x01\x02") + 20, 1 << 30)
    path.write_bytes(data)
    assert "data/tweets.js" in wrong(path)


def test_a_packed_size_beyond_the_zip_s_own_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "PLENTY", 100)
    limited = bundle._Limited(io.BytesIO(b" " * 100_000), 10, "tweets.js")
    with pytest.raises(ConfigError, match="zip bomb"):
        while limited.read(50):
            pass
    assert limited.seen == 10 * bundle.RATIO + 50


def test_any_byte_changed_is_a_reading_or_one_line(tmp_path: Path) -> None:
    whole = factories.write_archive(tmp_path / "a.zip", MEMBERS).read_bytes()
    path = tmp_path / "b.zip"
    rng = random.Random(0)
    for _ in range(300):
        data = bytearray(whole)
        data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data)
        try:
            with bundle.opened(path) as files:
                for name in files.names():
                    read(path, name)
        except ConfigError as error:
            assert str(error).startswith(str(path))
