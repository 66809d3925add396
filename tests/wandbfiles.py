"""Reads W&B's own files: records in blocks of 32 KiB, as LevelDB's log has them, with wandb's own messages inside."""

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

BLOCK, HEADER = 32768, struct.Struct("<IHB")


class Recorded(NamedTuple):
    """What a recording holds."""

    run: Any
    config: dict[str, Any]
    summary: dict[str, Any]
    history: list[dict[str, Any]]
    artifacts: dict[str, Any]
    exit_code: int | None

    def metadata(self, artifact: str) -> dict[str, Any]:
        return json.loads(self.artifacts[artifact].metadata)

    def files(self, artifact: str) -> dict[str, Any]:
        return {entry.path: entry for entry in self.artifacts[artifact].manifest.contents}


def parts(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Where each whole part of a file ends, its kind and what it holds."""
    assert data[:7] == b":W&B" + struct.pack("<HB", 0xBEE1, 0)
    at = 7
    while at + HEADER.size <= len(data):
        if BLOCK - at % BLOCK < HEADER.size:
            at += BLOCK - at % BLOCK
            continue
        crc, length, kind = HEADER.unpack_from(data, at)
        body = data[at + HEADER.size : at + HEADER.size + length]
        if len(body) < length:
            return
        assert zlib.crc32(bytes([kind]) + body) == crc
        at += HEADER.size + length
        yield at, kind, body


def records(path: Path) -> Iterator[Any]:
    """The records of a file, each checked; what is cut off at its end is none."""
    from wandb.proto import wandb_internal_pb2

    whole = b""
    for _, kind, body in parts(path.read_bytes()):
        whole += body
        if kind in (1, 4):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(whole)
            yield record
            whole = b""


def read(path: Path) -> Recorded:
    """All of a recording, put together."""
    run, config, summary, history, artifacts, code = None, {}, {}, [], {}, None
    for record in records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run = record.run
            config |= {item.key: json.loads(item.value_json) for item in run.config.update}
        elif kind == "config":
            config |= {item.key: json.loads(item.value_json) for item in record.config.update}
        elif kind == "summary":
            summary |= {_name(item): json.loads(item.value_json) for item in record.summary.update}
        elif kind == "history":
            history.append({_name(item): json.loads(item.value_json) for item in record.history.item})
        elif kind == "artifact":
            artifacts[record.artifact.name] = record.artifact
        elif kind == "exit":
            code = record.exit.exit_code
    return Recorded(run, config, summary, history, artifacts, code)


def of_run(folder: Path) -> dict[str, list[Recorded]]:
    """The recordings under a folder by job type, oldest first."""
    found: dict[str, list[Recorded]] = {}
    for path in sorted(folder.rglob("*.wandb")):
        recorded = read(path)
        found.setdefault(recorded.run.job_type, []).append(recorded)
    return found


def _name(item: Any) -> str:
    return item.key or "/".join(item.nested_key)
