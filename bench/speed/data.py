"""Posts made ready once for every variant: streams of tokens and held-out parts in one .npz file."""

import importlib.machinery
import importlib.util
import json
import tempfile
from pathlib import Path

import numpy as np

EPOCHS = 4  # of the recipe, for the part on quality


def prepare(posts, file, tokens):
    """Write `file`: of each posts file the stream of four epochs and the held-out part, in the first one's tokens.

    `speed`: a stream of at least `tokens` tokens, of as many epochs of the first file as that takes.
    """
    train, sets, arrays = _beside("train"), [], {}
    with tempfile.TemporaryDirectory() as folder:
        for path in posts:
            (Path(folder) / path.name).mkdir()
            sets.append(train.context(path, Path(folder) / path.name))
        tokenizer = train.train._tokenizer(sets[0])
        for number, made in enumerate(sets):
            held = train.train.Part(made, tokenizer, "heldout")
            four = _packed(made, tokenizer, EPOCHS)
            arrays[f"four{number}"] = _stream(four)
            arrays[f"held{number}"], arrays[f"held_ends{number}"] = _flat(held.ids)
            arrays[f"bytes{number}"] = np.array(held.bytes)
        epoch = int(four.epoch_starts[1]) if len(posts) == 1 else len(arrays["four0"]) // EPOCHS
        epochs = max(EPOCHS, -(-tokens // epoch) + 1)
        arrays["speed"] = _stream(_packed(sets[0], tokenizer, epochs))[: tokens + 1]
        arrays["epoch"] = np.array(epoch)
        arrays["end"] = np.array(tokenizer.eos_token_id)
        arrays["names"] = np.array(json.dumps([path.name for path in posts]))
    np.savez_compressed(file, **arrays)


def heldout(arrays, number):
    """(token ids post by post, bytes of their texts) of a posts file's held-out part."""
    ends = arrays[f"held_ends{number}"]
    return [part.tolist() for part in np.split(arrays[f"held{number}"], ends[:-1])], int(arrays[f"bytes{number}"])


def blocks(stream, size, ignored=-100):
    """(inputs, targets) of a stream, (blocks, size); what the last block lacks is padded and ignored."""
    count = -(-(len(stream) - 1) // size)
    inputs = np.zeros((count, size), np.int64)
    targets = np.full((count, size), ignored, np.int64)
    inputs.reshape(-1)[: len(stream) - 1] = stream[:-1]
    targets.reshape(-1)[: len(stream) - 1] = stream[1:]
    return inputs, targets


def _packed(made, tokenizer, epochs):
    from pipeline.posts import read_lines
    from pipeline.training import base_model
    from pipeline.training.packing import PackedPosts

    records = read_lines(made.local(made.keys.dataset("train.jsonl.gz")))
    ids = base_model.plain_tokens(tokenizer, [record["text"] for record in records])
    tokens, ends = _flat(ids)
    return PackedPosts(
        tokens, np.concatenate([[0], ends]), np.zeros(len(ids), int),
        end=tokenizer.eos_token_id, epochs=epochs, seed=0,
    )  # fmt: skip


def _stream(packed):
    return packed._read(0, len(packed)).astype(np.int32)


def _flat(ids):
    return np.concatenate([np.array(part, np.int32) for part in ids]), np.cumsum([len(part) for part in ids])


def _beside(name):
    """The script of another measurement as a module."""
    loader = importlib.machinery.SourceFileLoader(f"bench_{name}", str(Path(__file__).parent.parent / name / "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module
