"""Stage 3: the kept posts divided by post into parts, and the training part as token ids."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ConfigError, TooFewPostsError
from pipeline.posts import line_writer, read_lines
from pipeline.stage import Context, Result
from pipeline.text import similarity
from pipeline.training import base_model

PARTS = ("train", "validation", "heldout")
FEW = 30  # held-out posts below which a measured difference is mostly chance
LARGEST = 0.02  # share of the posts
VALIDATION = 0.05  # share of the posts, taken only where an epoch is chosen by it
AT_ONCE = 1000  # posts tokenised together


class Kept(NamedTuple):
    """A kept post: the index of its handle, and its text."""

    owner: int
    text: str


def run(context: Context) -> Result:
    """Write `<part>.jsonl.gz` for each part, the tokenizer, and the training part's tokens.

    A post is in one part only, and so are all posts that are nearly the same. Which part is decided by
    the posts' own text, so that a part keeps its posts when others come that are not like them.
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
    _check_handles(context, parts)
    tokens = _tokenise(context)
    train, validation, heldout = (counts[part]["posts"] for part in PARTS)
    chosen = f"{validation:,} to choose the epoch by, " if validation else ""
    context.report.line(f"dataset: {train:,} posts ({tokens:,} tokens) to train on, {chosen}{heldout:,} held out")
    if heldout < FEW:
        context.report.line(f"warning: with {heldout} posts held out, how good the bot is can hardly be told")
    return {**counts, "tokens": tokens, "near_duplicates": len(groups) - len(set(groups))}


def _check_handles(context: Context, parts: NDArray[np.int8]) -> None:
    """Every handle must have something to train on."""
    trained = {post.owner for post, part in zip(_kept(context), parts, strict=True) if part == 0}
    for owner, handle in enumerate(context.config.handles):
        if owner not in trained:
            raise TooFewPostsError(f"@{handle}: all its posts are nearly the same or held out; more are needed")


def _kept(context: Context) -> Iterator[Kept]:
    for owner, handle in enumerate(context.config.handles):
        path = context.local(context.keys.posts(f"{handle.lower()}.kept.jsonl.gz"))
        for record in read_lines(path):
            yield Kept(owner, record["text"])


def _validates(context: Context) -> bool:
    return context.config.train.choose == "best"


def _divide(context: Context, groups: NDArray[np.int64]) -> NDArray[np.int8]:
    """For each kept post the index of its part in PARTS, one for all posts of a group.

    A group's place is the lowest of its posts' own. A group of more than LARGEST of all posts (a phrase
    that is said every day) is trained on: held out, it would be all that is measured.
    """
    wanted = context.config.dataset
    bounds = [wanted.heldout, wanted.heldout + (VALIDATION if _validates(context) else 0)]
    places = np.fromiter((_place(wanted.seed, post.text) for post in _kept(context)), float, len(groups))
    lowest = np.full(len(groups), np.inf)
    np.minimum.at(lowest, groups, places)
    sizes = np.bincount(groups, minlength=len(groups))
    lowest[sizes > max(LARGEST * len(groups), 1)] = np.inf
    return np.array([2, 1, 0], dtype=np.int8)[np.searchsorted(bounds, lowest, side="right")][groups]


def _place(seed: int, text: str) -> float:
    """Where a post stands between 0 and 1, by its text and the seed alone."""
    digest = hashlib.sha256(f"{seed}\n{similarity.plain(text)}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


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


def _check_prompt(context: Context, tokenizer: Any) -> None:
    """Find out now, and not after the training, that no sample can be drawn."""
    wanted = context.config.generate
    used, most = len(tokenizer(wanted.prompt).input_ids), min(wanted.max_length, tokenizer.model_max_length)
    if used >= most:
        raise ConfigError(f"generate.prompt has {used} tokens, but a sample may have {most} in all; shorten it")
    if wanted.min_length > most:
        raise ConfigError(f"generate.min_length is {wanted.min_length}, but a sample may have {most} tokens at most")


def _tokenise(context: Context) -> int:
    """Write the tokenizer, and the training part as three arrays; returns how many tokens it has."""
    path = context.local(context.keys.dataset("train.jsonl.gz"))
    tokenizer = base_model.tokenizer(context.config, (record["text"] for record in read_lines(path)), context.base_bot)
    _check_prompt(context, tokenizer)
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
