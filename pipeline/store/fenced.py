"""A store that one process at a time may write to: every write is refused once another has taken over."""

from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.errors import StoreError
from pipeline.store import Entry, Store, Versioned

TRIES = 20  # a writer that was stopped half-way may get in once for each key that it had begun


class FencedStore:
    """A Store whose writes hold only while `check` passes; it raises where another writer has taken over.

    A check alone would not do: the process may be stopped between it and the write, and wake when the other
    has written. So each write names the version that was there before the check. Either the other took over
    before it, and the check raises; or the other wrote after it, and the version has passed.
    """

    def __init__(self, store: Store, check: Callable[[], None]) -> None:
        self.store, self.check = store, check
        self.address = store.address

    def write(self, key: str, data: bytes) -> None:
        self._until_written(key, lambda version: self.store.swap(key, data, version))

    def upload(self, path: Path, key: str) -> None:
        self._until_written(key, lambda version: self.store.swap_file(path, key, version))

    def swap(self, key: str, data: bytes, version: str) -> bool:
        self.check()
        return self.store.swap(key, data, version)

    def swap_file(self, path: Path, key: str, version: str) -> bool:
        self.check()
        return self.store.swap_file(path, key, version)

    def delete(self, key: str) -> None:
        self.check()
        self.store.delete(key)

    def _until_written(self, key: str, write: Callable[[str], bool]) -> None:
        for _ in range(TRIES):
            version = self.store.version(key)
            self.check()
            if write(version):
                return
        raise StoreError(f"{self.place(key)} was written by others {TRIES} times in a row; who else has this store?")

    def place(self, key: str) -> str:
        return self.store.place(key)

    def read(self, key: str) -> Versioned | None:
        return self.store.read(key)

    def version(self, key: str) -> str:
        return self.store.version(key)

    def local(self, key: str, scratch: Path) -> Path:
        return self.store.local(key, scratch)

    def list(self, prefix: str) -> Iterator[Entry]:
        return self.store.list(prefix)

    def folders(self, prefix: str) -> Iterator[str]:
        return self.store.folders(prefix)

    def exists(self, key: str) -> bool:
        return self.store.exists(key)
