"""Which texts are nearly the same: MinHash over runs of five letters, in NumPy, flat in memory.

The measure is the Jaccard similarity of two texts' sets of 5-byte runs, estimated by the share of equal
values in two MinHash signatures (A. Broder, "On the resemblance and containment of documents", 1997);
candidate pairs are found by banding (J. Leskovec et al., "Mining of Massive Datasets", section 3.4).
Texts are compared without case, links, mentions, digits, punctuation and spaces, so that the same post
with another link or number is the same.
"""

import re
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

HASHES = 32
BANDS = 8  # of 4 values each: a pair at similarity 0.7 is a candidate with a chance of 0.89, at 0.9 of 1.00
ALIKE = 0.7
RUN = 5
CHUNK = 2000

Signatures = NDArray[np.uint32]


def plain(text: str) -> str:
    """The letters that count when texts are compared; the whole text where that leaves none."""
    return _NOISE.sub("", text.casefold()) or text


def signatures(texts: Iterable[str]) -> Iterator[Signatures]:
    """The MinHash signatures of texts, in order, as arrays of (up to 2,000 texts, 32 values)."""
    chunk: list[bytes] = []
    for text in texts:
        chunk.append(plain(text).encode("utf-8", "surrogatepass").ljust(RUN, b"\0"))
        if len(chunk) == CHUNK:
            yield _sign(chunk)
            chunk = []
    if chunk:
        yield _sign(chunk)


def groups(signed: Signatures) -> NDArray[np.int64]:
    """For each of n signatures the lowest index of the texts that are nearly the same, itself included.

    Nearly the same is carried on: where a is like b and b like c, all three are one group.
    """
    parent = np.arange(len(signed), dtype=np.int64)
    rows = HASHES // BANDS
    for band in range(BANDS):
        keys = _fold(signed[:, band * rows : (band + 1) * rows])
        order = np.argsort(keys, kind="stable")
        begins = np.concatenate([[True], keys[order][1:] != keys[order][:-1]])
        bucket = order[np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))]  # its first text
        for others in (bucket[1:], order[:-1]):  # each text against its bucket's first, and the one before it
            pairs = np.flatnonzero(~begins[1:])
            alike = (signed[order[1:][pairs]] == signed[others[pairs]]).mean(axis=1) >= ALIKE
            for pair in pairs[alike]:
                _join(parent, int(others[pair]), int(order[1:][pair]))
    return np.array([_root(parent, i) for i in range(len(parent))], dtype=np.int64)


def likeness(one: Signatures, other: Signatures) -> float:
    """The estimated Jaccard similarity of two signatures, 0 to 1."""
    return float(np.mean(one == other))


def nearest(signed: Signatures, known: Iterable[Signatures]) -> NDArray[np.float64]:
    """For each signature its highest likeness to any of the known ones, given as by `signatures`."""
    best = np.zeros(len(signed))
    for chunk in known:
        for index, one in enumerate(signed):
            best[index] = max(best[index], float((chunk == one).mean(axis=1).max(initial=0.0)))
    return best


def _sign(texts: list[bytes]) -> Signatures:
    """Every 5-byte run of every text hashed 32 ways, and the least of each text's hashes kept."""
    joined = np.frombuffer(b"".join(texts), dtype=np.uint8)
    lengths = np.array([len(text) for text in texts])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    packed = np.zeros(len(joined) - RUN + 1, dtype=np.uint64)
    for offset in range(RUN):
        packed |= joined[offset : len(packed) + offset].astype(np.uint64) << np.uint64(8 * offset)
    # Runs that would reach into the next text stand for the text's last whole run instead.
    last = np.repeat(starts + lengths - RUN, lengths)[: len(packed)]
    packed = packed[np.minimum(np.arange(len(packed)), last)]
    signed = np.empty((len(texts), HASHES), dtype=np.uint32)
    for index, factor in enumerate(_FACTORS):
        hashed = ((packed * factor) >> np.uint64(32)).astype(np.uint32)
        signed[:, index] = np.minimum.reduceat(hashed, starts)
    return signed


def _fold(rows: Signatures) -> NDArray[np.uint64]:
    keys = np.zeros(len(rows), dtype=np.uint64)
    for column in rows.T:
        keys = (keys ^ column) * np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing (Knuth, TAOCP 3, 6.4)
    return keys


def _root(parent: NDArray[np.int64], index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = int(parent[index])
    return index


def _join(parent: NDArray[np.int64], one: int, other: int) -> None:
    low, high = sorted((_root(parent, one), _root(parent, other)))
    parent[high] = low


_NOISE = re.compile(r"https?://[!-~]+|@\w+|[\W\d_]+")
# Odd factors for multiply-shift hashing (M. Dietzfelbinger et al., 1997), from a fixed seed.
_FACTORS = np.random.default_rng(5).integers(2**63, size=HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
