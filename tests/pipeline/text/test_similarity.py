import numpy as np
import pytest

from pipeline.text import similarity
from tests import factories


def signed(*texts: str) -> similarity.Signatures:
    return np.concatenate(list(similarity.signatures(texts)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3 mins to liftoff", "15 mins to liftoff"),
        ("Made with @Grok Imagine", "made with grok imagine https://t.co/x"),
        ("Try the Eve voice of Grok. It is so beautiful.", "Try the Eve voice on Grok. It is so beautiful."),
        ("今日はとても楽しかったです", "今日は、とても楽しかったです！"),
        ("ha", "Ha!"),
        ("", ""),
    ],
)
def test_nearly_the_same_texts_are_one_group(one: str, other: str) -> None:
    assert list(similarity.groups(signed(one, "something else altogether", other))) == [0, 1, 0]


def test_a_stranger_between_two_alike_texts_does_not_part_them() -> None:
    """Three texts in one bucket: the first and the last are alike, the one between them is not."""
    base = np.arange(similarity.HASHES, dtype=np.uint32)
    first, between, last = base.copy(), base.copy(), base.copy()
    between[4:] += 1000
    last[-6:] += 2000
    assert list(similarity.groups(np.stack([first, between, last]))) == [0, 1, 0]


def test_different_texts_stay_apart() -> None:
    texts = factories.sentences(1000)
    groups = similarity.groups(signed(*texts))
    assert len(set(groups)) > 0.99 * len(texts)


def test_a_text_s_signature_does_not_depend_on_its_neighbours() -> None:
    texts = ["a", "", "the quick brown fox", "🐤", "x" * 10_000, "jumps over the lazy dog"]
    together = signed(*texts)
    for index, text in enumerate(texts):
        assert (signed(text)[0] == together[index]).all()


def test_likeness_estimates_the_share_of_common_runs() -> None:
    one = "".join(chr(97 + i % 26) + chr(97 + i // 26 % 26) for i in range(600))
    runs = lambda text: {text[i : i + 5] for i in range(len(text) - 4)}  # noqa: E731
    other = one[:900] + "".join(chr(97 + (i * 7) % 26) for i in range(300))
    exact = len(runs(one) & runs(other)) / len(runs(one) | runs(other))
    assert similarity.likeness(*signed(one, other)) == pytest.approx(exact, abs=0.2)


def test_nearest_finds_copies_among_many() -> None:
    known = factories.sentences(5000)
    found = similarity.nearest(signed(known[4321] + "!", "nothing like it was ever said"), similarity.signatures(known))
    assert found[0] >= similarity.ALIKE > found[1]
