"""Posts given as files: into the store once, under the hash of their bytes; of an archive only its posts."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from htctl import output
from pipeline import layout
from pipeline.errors import ConfigError
from pipeline.store import Store

HEAD = 512  # bytes by which it shows whether a file can hold posts
GZIP, MARK = b"\x1f\x8b", b"\xef\xbb\xbf"


def problem(path: Path, handle: str, source: str, *, skip_bad: bool = False) -> str:
    """What is wrong with a handle's posts, as far as their first bytes show; "" where nothing is."""
    from pipeline.sources import archive

    if not path.exists():
        return f"no such file: {path} (posts of @{handle})"
    if archive.is_archive(path):
        try:
            archive.check(path, handle)
        except ConfigError as error:
            return str(error)
    elif source == "archive":
        return f"{path} (posts of @{handle}) is not X's archive, as a zip or unpacked; JSON lines are source jsonl"
    elif not path.is_file():
        return f"not a file: {path} (posts of @{handle})"
    else:
        return _unlike_posts(path, handle, skip_bad)
    return ""


def _unlike_posts(path: Path, handle: str, skip_bad: bool) -> str:
    """What shows that a file is none of JSON lines: a Job would find out hours later, on a GPU.

    An empty file is one: of an account that posted nothing, whose group alone fails.
    """
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        return f"{path} (posts of @{handle}): {error.strerror or error}"
    begins = head.removeprefix(MARK).lstrip()[:1]
    if head.startswith(GZIP) or skip_bad or begins in (b"{", b"[", b""):
        return ""
    what = "is called .gz but is no gzip" if path.suffix == ".gz" else "is not JSON"
    return f'{path} (posts of @{handle}) {what}; a file has one post a line, such as {{"text": "Hello"}}'


def keep(store: Store, path: Path, handle: str = "", *, skip_bad: bool = False) -> str:
    """Put a handle's posts into the store unless they are there; returns the SHA-256 (hex) of what is kept.

    That is the file as it is; of an archive, which holds private things too, the posts as JSON lines.
    """
    with _to_be_kept(path, handle, skip_bad) as file:
        before, digest = _read(file)
        index = layout.posts_file(digest, "index.json")
        if not store.exists(index):
            store.upload(file, layout.posts_file(digest, "data"))
            after = file.stat()
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                raise ConfigError(f"{path} changed while it was read; run again when it is complete")
            about = {"name": path.resolve().name, "bytes": after.st_size, "sha256": digest}
            store.write(index, (json.dumps(about, ensure_ascii=False) + "\n").encode())  # last: there means complete
        return digest


def sha256(path: Path, handle: str = "", *, skip_bad: bool = False) -> str:
    """What `keep` would return, without a store."""
    with _to_be_kept(path, handle, skip_bad) as file:
        return _read(file)[1]


@contextlib.contextmanager
def _to_be_kept(path: Path, handle: str, skip_bad: bool) -> Iterator[Path]:
    """The file that goes into the store: the one that was given, or an archive's posts, gone after."""
    from pipeline.sources import archive

    if not archive.is_archive(path):
        yield path
        return
    import tempfile

    from pipeline.posts import Skipped, write_posts

    skipped = Skipped("post")
    with tempfile.TemporaryDirectory(prefix="htctl-") as folder:
        taken = Path(folder, "posts.jsonl.gz")
        count = write_posts(taken, archive.read(path, handle, skipped if skip_bad else None))
        output.note(f"@{handle}: {count:,} posts taken from {path}{skipped}; nothing else of it is kept")
        yield taken


def _read(path: Path) -> tuple[os.stat_result, str]:
    """A file's state before it was read, and the SHA-256 (hex) of its bytes."""
    import hashlib

    try:
        with path.open("rb") as file:
            return path.stat(), hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
