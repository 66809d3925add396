from collections import Counter

import numpy as np
import pytest

from pipeline.training.packing import IGNORED, PackedPosts

END = 0


def packed(posts: list[list[int]], owners: list[int] | None = None, epochs: int = 2, seed: int = 0) -> PackedPosts:
    tokens = np.array([token for post in posts for token in post], dtype=np.int32)
    offsets = np.cumsum([0, *map(len, posts)])
    return PackedPosts(tokens, offsets, np.array(owners or [0] * len(posts)), end=END, epochs=epochs, seed=seed)


def stream(posts: PackedPosts, size: int) -> list[int]:
    """All that is trained on, put together from the blocks' targets."""
    blocks = [posts.block(index, size) for index in range(posts.blocks(size))]
    return [int(token) for _, targets in blocks for token in targets if token != IGNORED]


def split(tokens: list[int]) -> list[tuple[int, ...]]:
    """The posts in a stream of targets (which begins after the first end token)."""
    found, post = [], []
    for token in tokens:
        if token == END:
            found.append(tuple(post))
            post = []
        else:
            post.append(token)
    assert post == []
    return found


POSTS = [[10 * i + j for j in range(1, 2 + i % 5)] for i in range(1, 30)]


@pytest.mark.parametrize("size", [1, 3, 8, 64, 10_000])
def test_every_token_is_a_target_once_in_each_epoch(size: int) -> None:
    found = Counter(split(stream(packed(POSTS, epochs=3), size)))
    assert found == {tuple(post): 3 for post in POSTS}


def test_targets_are_the_inputs_one_token_on() -> None:
    posts = packed(POSTS)
    whole = [END, *stream(posts, 8)]
    for index in range(posts.blocks(8)):
        inputs, targets = posts.block(index, 8)
        real = targets != IGNORED
        start = index * 8
        assert list(inputs[real]) == whole[start : start + real.sum()]
        assert list(targets[real]) == whole[start + 1 : start + 1 + real.sum()]


def test_blocks_can_be_read_in_any_order() -> None:
    one, other = packed(POSTS), packed(POSTS)
    forward = [one.block(index, 16)[0].tolist() for index in range(one.blocks(16))]
    backward = [other.block(index, 16)[0].tolist() for index in reversed(range(other.blocks(16)))]
    assert forward == backward[::-1]


def test_each_epoch_is_shuffled_anew_and_the_seed_repeats_it() -> None:
    posts = packed(POSTS)
    assert posts.order(0).tolist() != posts.order(1).tolist()
    assert packed(POSTS, seed=0).order(1).tolist() == posts.order(1).tolist()
    assert packed(POSTS, seed=1).order(0).tolist() != posts.order(0).tolist()


def test_handles_are_balanced_and_mixed() -> None:
    many, few = [[1] * 9] * 200, [[2] * 4] * 20
    posts = packed(many + few, [0] * 200 + [1] * 20)
    order = posts.order(0)
    tokens = [int(posts.lengths[order[order < 200]].sum()), int(posts.lengths[order[order >= 200]].sum())]
    assert tokens[0] == 2000
    assert 2000 <= tokens[1] < 2005
    quarters = np.array_split(order >= 200, 4)
    assert all(0.4 < quarter.mean() < 0.9 for quarter in quarters)


def test_the_smaller_handle_s_remainder_is_drawn_anew_each_epoch() -> None:
    """The original repeated one epoch's random remainder in all of them (a list was changed while read)."""
    posts = packed([[1] * 9] * 150 + [[2] * 9] * 100, [0] * 150 + [1] * 100, epochs=4)
    twice = [frozenset(p for p, n in Counter(posts.order(e).tolist()).items() if n == 2) for e in range(4)]
    assert all(len(posts_of_epoch) == 50 for posts_of_epoch in twice)
    assert len(set(twice)) == 4


def test_epoch_starts_add_up_to_the_stream() -> None:
    posts = packed(POSTS, epochs=3)
    assert len(posts) == posts.epoch_starts[-1] + 1 == 3 * sum(len(post) + 1 for post in POSTS) + 1


def test_a_step_is_its_blocks_and_the_last_one_has_what_is_left() -> None:
    posts = packed([[1, 2, 3, 4, 5]] * 9)
    assert posts.blocks(16) == 7
    assert posts.steps(3, 16) == 3
    steps = [posts.batch(step, 3, 16) for step in (1, 2, 3)]
    assert [inputs.shape for inputs, _ in steps] == [(3, 16), (3, 16), (1, 16)]
    for part in (0, 1):
        read = np.concatenate([step[part] for step in steps])
        assert (read == [posts.block(index, 16)[part] for index in range(7)]).all()
    assert posts.epoch_ends(3, 16) == {2: 1, 3: 2}
