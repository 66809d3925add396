"""Posts given as files: into the store once, under the hash of their bytes."""

import json
import os
from pathlib import Path

from pipeline import layout
from pipeline.errors import ConfigError
from pipeline.store import Store


def keep(store: Store, path: Path) -> str:
    """Put a posts file into the store unless its bytes are there; returns their SHA-256 (hex)."""
    before, digest = _read(path)
    index = layout.posts_file(digest, "index.json")
    if not store.exists(index):
        store.upload(path, layout.posts_file(digest, "data"))
        after = path.stat()
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise ConfigError(f"{path} changed while it was read; run again when it is complete")
        about = {"name": path.name, "bytes": after.st_size, "sha256": digest}
        store.write(index, (json.dumps(about, ensure_ascii=False) + "\n").encode())  # last: there means complete
    return digest


def sha256(path: Path) -> str:
    """What `keep` would return, without a store."""
    return _read(path)[1]


def _read(path: Path) -> tuple[os.stat_result, str]:
    """A file's state before it was read, and the SHA-256 (hex) of its bytes."""
    import hashlib

    try:
        with path.open("rb") as file:
            return path.stat(), hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
