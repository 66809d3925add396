"""Stage 3: the kept posts divided by post into parts, and the training part as token ids."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline import base_model, similarity
from pipeline.errors import TooFewPostsError
from pipeline.posts import line_writer, read_lines
from pipeline.stage import Context, Result

PARTS = ("train", "validation", "heldout")
VALIDATION = 0.05  # share of the posts, taken only where an epoch is chosen by it
AT_ONCE = 1000  # posts tokenised together


class Kept(NamedTuple):
    """A kept post: the index of its handle, and its text."""

    owner: int
    text: str


def run(context: Context) -> Result:
    """Write `<part>.jsonl.gz` for each part, the tokenizer, and the training part's tokens.

    A post is in one part only, and so are all posts that are nearly the same. Which part is decided by
    the post's own text, so that a part keeps its posts when new ones come.
    Result: `posts` and `bytes` of each part, `tokens` of the training part, `near_duplicates`.
    """
    signed = np.concatenate(list(similarity.signatures(post.text for post in _kept(context))))
    groups = similarity.groups(signed)
    parts = _divide(context, groups)
    counts = _write_parts(context, parts)
    for part in PARTS:
        if not counts[part]["posts"] and (part != "validation" or _validates(context)):
            raise TooFewPostsError(
                f"no post is left for the {part} part: "
                f"only {len(set(groups))} of {len(groups)} posts are different; more are needed"
            )
    tokens = _tokenise(context)
    context.report.line(
        f"dataset: {counts['train']['posts']:,} posts ({tokens:,} tokens) to train on, "
        f"{counts['heldout']['posts']:,} held out"
    )
    return {**counts, "tokens": tokens, "near_duplicates": len(groups) - len(set(groups))}


def _kept(context: Context) -> Iterator[Kept]:
    for owner, handle in enumerate(context.config.handles):
        path = context.local(context.keys.posts(f"{handle.lower()}.kept.jsonl.gz"))
        for record in read_lines(path):
            yield Kept(owner, record["text"])


def _validates(context: Context) -> bool:
    return context.config.train.choose == "best"


def _divide(context: Context, groups: NDArray[np.int64]) -> NDArray[np.int8]:
    """For each kept post the index of its part in PARTS: its group's first post decides for all."""
    wanted = context.config.dataset
    bounds = [wanted.heldout, wanted.heldout + (VALIDATION if _validates(context) else 0)]
    parts = np.zeros(len(groups), dtype=np.int8)
    for index, post in enumerate(_kept(context)):
        if groups[index] != index:
            parts[index] = parts[groups[index]]
            continue
        digest = hashlib.sha256(f"{wanted.seed}\n{similarity.plain(post.text)}".encode()).digest()
        place = int.from_bytes(digest[:8]) / 2**64
        parts[index] = 2 if place < bounds[0] else 1 if place < bounds[1] else 0
    return parts


def _write_parts(context: Context, parts: NDArray[np.int8]) -> dict[str, Any]:
    counts = {part: {"posts": 0, "bytes": 0} for part in PARTS}
    with contextlib.ExitStack() as stack:
        paths = [stack.enter_context(context.writing(context.keys.dataset(f"{part}.jsonl.gz"))) for part in PARTS]
        write = [stack.enter_context(line_writer(path)) for path in paths]
        for number, post in zip(parts, _kept(context), strict=True):
            write[number](post._asdict())
            count = counts[PARTS[number]]
            count["posts"] += 1
            count["bytes"] += len(post.text.encode())
    return counts


def _tokenise(context: Context) -> int:
    """Write the tokenizer, and the training part as three arrays; returns how many tokens it has."""
    path = context.local(context.keys.dataset("train.jsonl.gz"))
    tokenizer = base_model.tokenizer(context.config, (record["text"] for record in read_lines(path)))
    tokenizer.save_pretrained(context.scratch / "tokenizer")
    context.upload_folder(context.scratch / "tokenizer", context.keys.dataset("tokenizer"))
    lengths, owners = [np.zeros(1, np.int64)], []
    with context.writing(context.keys.dataset("tokens.bin")) as written, written.open("wb") as file:
        for records in _batches(path):
            ids = base_model.plain_tokens(tokenizer, [record["text"] for record in records])
            lengths.append(np.array([len(post) for post in ids], dtype=np.int64))
            owners.append(np.array([record["owner"] for record in records], dtype=np.int16))
            file.write(np.concatenate([np.array(post, dtype=np.int32) for post in ids]).tobytes())
    offsets = np.cumsum(np.concatenate(lengths))
    _save(context, "offsets.npy", offsets)
    _save(context, "owners.npy", np.concatenate(owners))
    return int(offsets[-1])


def _batches(path: Path) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for record in read_lines(path):
        batch.append(record)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _save(context: Context, name: str, array: NDArray[Any]) -> None:
    with context.writing(context.keys.dataset(name)) as path, path.open("wb") as file:
        np.save(file, array)
