"""The store as a folder: a key is a path, a write is a rename, a conditional write holds a lock."""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pipeline.errors import StoreError, TryLaterError
from pipeline.store import ABSENT, Entry, Versioned, disk

HIDDEN = ".htctl"  # half-written files and locks: never keys
HEAD = 1 << 16
LOCK_WAIT_S = 60  # a lock is held for a rename: whoever has it for longer has been stopped


class FolderStore:
    """A Store in a folder of this machine (or of a file system that it mounts)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.address = str(root)

    def place(self, key: str) -> str:
        return str(self.root / key)

    def read(self, key: str) -> Versioned | None:
        with _faults(self, key):
            try:
                with self._path(key).open("rb") as file:
                    data = file.read()
                    return Versioned(data, _version(file))
            except FileNotFoundError:
                return None

    def version(self, key: str) -> str:
        with _faults(self, key):
            try:
                with self._path(key).open("rb") as file:
                    return _version(file)
            except FileNotFoundError:
                return ABSENT

    def write(self, key: str, data: bytes) -> None:
        with _faults(self, key), self._aside(key) as written:
            written.write_bytes(data)
            self._replace(written, key)

    def swap(self, key: str, data: bytes, version: str) -> bool:
        with _faults(self, key), self._aside(key) as written:
            written.write_bytes(data)
            if self._replace(written, key, version):
                return True
            found = self.read(key)
            return found is not None and found.data == data

    def upload(self, path: Path, key: str) -> None:
        with _faults(self, key), self._aside(key) as written:
            shutil.copyfile(path, written)
            self._replace(written, key)

    def swap_file(self, path: Path, key: str, version: str) -> bool:
        with _faults(self, key), self._aside(key) as written:
            shutil.copyfile(path, written)
            return self._replace(written, key, version)

    def local(self, key: str, scratch: Path) -> Path:  # noqa: ARG002 - what lies in a folder is not fetched
        with _faults(self, key):
            path = self._path(key)
            if path.is_file():
                return path
        raise StoreError(f"{self.address}: {key} is missing from the store")

    def list(self, prefix: str) -> Iterator[Entry]:
        start = self._path(prefix.rpartition("/")[0]) if "/" in prefix else self.root
        found = []
        with _faults(self, prefix):
            for folder, folders, files in os.walk(start, onerror=_unless_gone):
                folders[:] = [name for name in folders if name != HIDDEN]
                for path in (Path(folder, name) for name in files):
                    with contextlib.suppress(FileNotFoundError):  # deleted while we looked
                        found.append(Entry(path.relative_to(self.root).as_posix(), path.stat().st_size))
        return iter(sorted(entry for entry in found if entry.key.startswith(prefix)))

    def folders(self, prefix: str) -> Iterator[str]:
        with _faults(self, prefix):
            start = self._path(prefix)
            names = sorted(path.name for path in start.iterdir()) if start.is_dir() else []
            return iter([name for name in names if (start / name).is_dir() and name != HIDDEN])

    def delete(self, key: str) -> None:
        with _faults(self, key):
            path = self._path(key)
            path.unlink(missing_ok=True)
            for folder in path.relative_to(self.root).parents:  # a folder is there only for what is in it
                with contextlib.suppress(OSError):
                    (self.root / folder).rmdir()

    def exists(self, key: str) -> bool:
        with _faults(self, key):
            return self._path(key).is_file()

    def _path(self, key: str) -> Path:
        path = self.root / key
        if not path.resolve().is_relative_to(self.root):
            raise StoreError(f"{self.address}: the key '{key}' leads out of the store")
        return path

    def _hidden(self) -> Path:
        folder = self.root / HIDDEN
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @contextlib.contextmanager
    def _aside(self, key: str) -> Iterator[Path]:
        """A file to write that `_replace` then makes the object."""
        self._path(key)  # a key that leads out is refused before anything is written
        handle, name = tempfile.mkstemp(dir=self._hidden())
        os.close(handle)
        written = Path(name)
        try:
            yield written
        finally:
            written.unlink(missing_ok=True)

    def _replace(self, written: Path, key: str, version: str | None = None) -> bool:
        """Make a written file the object, there whole even after the power fails; False if `version` has passed."""
        disk.sync(written)
        written.chmod(0o644)
        path = self._path(key)
        with self._locked(key):
            if version is not None and self.version(key) != version:
                return False
            try:
                written.replace(path)
            except FileNotFoundError:  # the folder is new, or another process has just deleted its last object
                disk.make_folder(path.parent)
                written.replace(path)
        disk.sync(path.parent)
        return True

    @contextlib.contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        """A block that no other process is in for this key; keys share a few lock files."""
        lock = self._hidden() / f"{hashlib.sha256(key.encode()).hexdigest()[:2]}.lock"
        try:
            with disk.locked(lock, LOCK_WAIT_S):
                yield
        except disk.HeldError:
            raise TryLaterError(
                f"store {self.address}: another process has held the lock on {key} for {LOCK_WAIT_S} s: it may"
                f" be stopped; let it go on or end it (fuser {lock} names it)"
            ) from None


def _unless_gone(error: OSError) -> None:
    """Of a folder that cannot be listed: raise, unless it was deleted while we looked, or never there."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def _version(file: IO[bytes]) -> str:
    """Every write makes a new file and renames it, so a version is which file it is.

    A file's number can be used again within one tick of its clock, so the first bytes count too.
    """
    about = os.fstat(file.fileno())
    head = hashlib.sha256(os.pread(file.fileno(), HEAD, 0)).hexdigest()[:16]
    return f"{about.st_ino}-{about.st_mtime_ns}-{about.st_size}-{head}"


@contextlib.contextmanager
def _faults(store: FolderStore, key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(f"store {store.address} cannot be read or written: {reason} ({key})") from error
