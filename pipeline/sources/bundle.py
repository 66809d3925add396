"""Files inside a zip or a folder that a stranger packed: read as streams, within limits, never written to disk."""

import contextlib
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Protocol

from pipeline.errors import ConfigError
from pipeline.sources.jsonstream import Read

MAGIC = (b"PK\x03\x04", b"PK\x05\x06")  # a zip with members, an empty one
# JSON of posts packs about 10 to 1, deflate at most 1,032 to 1. Below PLENTY a bomb costs seconds only.
RATIO = 200
PLENTY = 1 << 30


class Bundle(Protocol):
    """Files by their names, with / between folders."""

    def names(self) -> Iterable[str]:
        """All that could be asked for."""

    def open(self, name: str) -> contextlib.AbstractContextManager[Read]:
        """A function that reads on in the file, by so many bytes at most."""


def is_bundle(path: Path) -> bool:
    """Whether `path` is a folder or a zip, or is called one."""
    if path.is_dir() or path.suffix.lower() == ".zip":
        return True
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC[0])) in MAGIC
    except OSError:
        return False


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Bundle]:
    """The files of a folder, up to two folders deep, or of a zip; raises ConfigError, `path` first."""
    if path.is_dir():
        yield _Folder(path)
        return
    try:
        file = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ConfigError(f"{path}: no zip, or only a part of one ({error}); fetch or pack it again") from None
    except _BROKEN as error:
        raise ConfigError(f"{path}: {_say(error)}") from None
    with file:
        yield _Zip(path, file)


class _Folder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> Iterable[str]:
        patterns = ("*.js", "*/*.js", "*/*/*.js")
        found = (path for pattern in patterns for path in self.path.glob(pattern) if path.is_file())
        return [path.relative_to(self.path).as_posix() for path in found]

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[Read]:
        path = self.path / name
        try:
            file = path.open("rb")
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror or error}") from None
        with file:
            yield file.read


class _Zip:
    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        self.path, self.file = path, file
        # Of two members with one name the last is the file, as for every program that unpacks.
        self.members = {info.filename.replace("\\", "/"): info for info in file.infolist()}

    def names(self) -> Iterable[str]:
        return list(self.members)

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[Read]:
        info, where = self.members[name], f"{self.path}: {name}"
        if info.flag_bits & _ENCRYPTED:
            raise ConfigError(f"{where} is encrypted; unpack the zip and give the folder")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ConfigError(f"{where} is packed in a way that X does not use; unpack the zip and give the folder")
        try:
            file = self.file.open(info)
        except _BROKEN as error:
            raise ConfigError(f"{where}: {_say(error)}") from None
        with file:
            # What a zip says of its own sizes may be a lie; it cannot have packed more than it is.
            yield _Limited(file, min(info.compress_size, self.path.stat().st_size), where).read


class _Limited:
    """A member as it is unpacked, given up when it turns out to be a bomb."""

    def __init__(self, file: IO[bytes], packed: int, where: str) -> None:
        self.file, self.packed, self.where = file, packed, where
        self.seen = 0

    def read(self, size: int) -> bytes:
        try:
            data = self.file.read(size)
        except _BROKEN as error:
            raise ConfigError(f"{self.where}: {_say(error)}") from None
        self.seen += len(data)
        if self.seen > PLENTY and self.seen > RATIO * self.packed:
            raise ConfigError(
                f"{self.where} unpacks to more than {RATIO} times its size (a zip bomb?); posts do so about 10 times"
            )
        return data


def _say(error: Exception) -> str:
    return f"broken zip ({error or type(error).__name__}); fetch or pack it again"


_ENCRYPTED = 1  # of a member's flags: APPNOTE.TXT 4.4.4
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError)
