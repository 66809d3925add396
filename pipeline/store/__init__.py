"""Where everything is kept: the Store Protocol and how a store's address becomes one."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from pipeline.errors import ConfigError, StoreError

ABSENT = ""  # the version of a key that is not there


class Entry(NamedTuple):
    """A key of the store with its size in bytes."""

    key: str
    size: int


class Versioned(NamedTuple):
    """An object's bytes and the version that a conditional write must name."""

    data: bytes
    version: str


class Store(Protocol):
    """Keys and bytes. A key appears whole or not at all, and stays after a crash. Faults raise StoreError."""

    address: str

    def place(self, key: str) -> str:
        """The object's path or URL, for a person to read."""

    def read(self, key: str) -> Versioned | None:
        """The object, or None where there is none."""

    def version(self, key: str) -> str:
        """The version of the object, or ABSENT where there is none."""

    def write(self, key: str, data: bytes) -> None:
        """Make or replace an object."""

    def swap(self, key: str, data: bytes, version: str) -> bool:
        """Write only if the key still has `version` (ABSENT: is not there); False where it has not.

        Where it has not but holds these very bytes, an earlier try got through: that is True.
        """

    def upload(self, path: Path, key: str) -> None:
        """Make or replace an object from a local file."""

    def swap_file(self, path: Path, key: str, version: str) -> bool:
        """Upload only if the key still has `version`, which is looked at when the last byte is there."""

    def local(self, key: str, scratch: Path) -> Path:
        """The object as a local file to read, under `scratch` if it must be fetched; absent: StoreError."""

    def list(self, prefix: str) -> Iterator[Entry]:
        """Every object whose key starts with `prefix`, sorted by key."""

    def folders(self, prefix: str) -> Iterator[str]:
        """The names directly under `prefix` (which ends in a slash) that have objects below them, sorted."""

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no fault."""

    def exists(self, key: str) -> bool:
        """Whether the object is there."""


def local_folder(store: Store, key: str, scratch: Path) -> Path:
    """All objects under `key` (no slash at its end) as a folder to read; none: StoreError."""
    paths = [store.local(entry.key, scratch) for entry in store.list(f"{key}/")]
    if not paths:
        raise StoreError(f"{store.place(key)}: nothing is there")
    return next(path for path in (paths[0], *paths[0].parents) if path.as_posix().endswith(key))


def open_store(address: str) -> Store:
    """The store at `address`: `s3://BUCKET/PREFIX`, or a folder (made when first written to)."""
    # Only what the address needs is imported: boto3 takes longer than all the rest.
    if address.startswith("s3://"):
        from pipeline.store.s3 import S3Store

        return S3Store(address)
    folder = Path(address).expanduser().resolve()
    if "://" in address or address.startswith("s3:/") or folder.is_file():
        raise ConfigError(f"store '{address}': must be a folder or s3://BUCKET/PREFIX")
    from pipeline.store.folder import FolderStore

    return FolderStore(folder)
