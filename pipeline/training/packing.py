"""Training posts as one stream of tokens, shuffled anew each epoch, read in blocks by position.

Any block can be read by its number alone, so a run that is resumed needs no more than a step count.
"""

import numpy as np
from numpy.typing import NDArray

IGNORED = -100  # the target that transformers' and torch's losses pass over


class PackedPosts:
    """The stream of all epochs: each post after an end token, and one end token at the very end.

    tokens: (T,) the posts' token ids on end, without end tokens; may be a memory map
    offsets: (posts + 1,) where each post starts in `tokens`
    owners: (posts,) the index of the handle that each post is by
    """

    def __init__(
        self,
        tokens: NDArray[np.integer],
        offsets: NDArray[np.int64],
        owners: NDArray[np.integer],
        *,
        end: int,
        epochs: int,
        seed: int,
    ) -> None:
        self.tokens, self.offsets, self.owners = tokens, offsets, owners
        self.end, self.seed = end, seed
        self.lengths = np.diff(offsets) + 1
        self._loaded = -1
        totals = [int(self.lengths[self.order(epoch)].sum()) for epoch in range(epochs)]
        self.epoch_starts = np.concatenate([[0], np.cumsum(totals)])

    def __len__(self) -> int:
        """Tokens in the stream."""
        return int(self.epoch_starts[-1]) + 1

    def order(self, epoch: int) -> NDArray[np.int64]:
        """The posts of an epoch in the order in which they are read.

        Every handle has as many tokens as the one with the most: its posts come in whole rounds, each
        shuffled anew, and of the last round as many as are needed. Then all are shuffled together.
        """
        random = np.random.default_rng([self.seed, epoch])
        handles = [np.flatnonzero(self.owners == owner) for owner in np.unique(self.owners)]
        most = max(int(self.lengths[posts].sum()) for posts in handles)
        parts = []
        for posts in handles:
            missing = most
            while missing > 0:
                turn = random.permutation(posts)
                enough = int(np.searchsorted(np.cumsum(self.lengths[turn]), missing)) + 1
                parts.append(turn[:enough])
                missing -= int(self.lengths[parts[-1]].sum())
        return random.permutation(np.concatenate(parts))

    def blocks(self, size: int) -> int:
        """How many blocks of `size` targets the stream has; the last one may be part full."""
        return -(-(len(self) - 1) // size)

    def block(self, index: int, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Block `index` as (inputs, targets), each (size,); what is past the end is IGNORED in targets."""
        start = index * size
        read = self._read(start, min(start + size + 1, len(self)))
        inputs = np.full(size, self.end, dtype=np.int64)
        targets = np.full(size, IGNORED, dtype=np.int64)
        inputs[: len(read) - 1] = read[:-1]
        targets[: len(read) - 1] = read[1:]
        return inputs, targets

    def steps(self, count: int, size: int) -> int:
        """How many steps of `count` blocks the stream is read in; the last one may have fewer."""
        return -(-self.blocks(size) // count)

    def batch(self, step: int, count: int, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(inputs, targets) of a step, counted from 1, each (blocks, size)."""
        rows = range((step - 1) * count, min(step * count, self.blocks(size)))
        inputs, targets = zip(*(self.block(row, size) for row in rows), strict=True)
        return np.stack(inputs), np.stack(targets)

    def epoch_ends(self, count: int, size: int) -> dict[int, int]:
        """The step in which each epoch's last token is read -> the epoch, counted from 1."""
        ends = (min(-(-int(end) // (count * size)), self.steps(count, size)) for end in self.epoch_starts[1:])
        return {step: epoch for epoch, step in enumerate(ends, 1)}

    def _read(self, start: int, stop: int) -> NDArray[np.int64]:
        parts: list[NDArray[np.integer]] = []
        while start < min(stop, len(self) - 1):
            epoch = int(np.searchsorted(self.epoch_starts, start, side="right")) - 1
            self._load(epoch)
            inside = start - int(self.epoch_starts[epoch])
            row = int(np.searchsorted(self._starts, inside, side="right")) - 1
            post = self._order[row]
            part = np.concatenate([[self.end], self.tokens[self.offsets[post] : self.offsets[post + 1]]])
            parts.append(part[inside - int(self._starts[row]) :][: stop - start])
            start += len(parts[-1])
        if start < stop:
            parts.append(np.array([self.end]))
        return np.concatenate(parts)

    def _load(self, epoch: int) -> None:
        if epoch != self._loaded:
            self._order = self.order(epoch)
            self._starts = np.concatenate([[0], np.cumsum(self.lengths[self._order])[:-1]])
            self._loaded = epoch
