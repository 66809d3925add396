from pathlib import Path

from pipeline import posts
from tests import factories


def test_posts_come_back_as_they_went_whatever_is_in_them(tmp_path: Path) -> None:
    written = [
        factories.post(text) for text in ("plain", "two\nlines", "日本語 🐤", "lone \ud83d surrogate", "\x00", "\u2028")
    ]
    assert posts.write_posts(tmp_path / "p.gz", written) == len(written)
    assert list(posts.read_posts(tmp_path / "p.gz")) == written


def test_equal_posts_make_equal_files(tmp_path: Path) -> None:
    for name in ("one", "other"):
        posts.write_posts(tmp_path / name, [factories.post("the same")])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_bad_lines_are_told_by_number_the_first_few_of_them() -> None:
    skipped = posts.Skipped()
    assert str(skipped) == ""
    skipped.add(1_234)
    skipped.add(1_234)
    assert (str(skipped), skipped.count) == (", 1 bad line skipped (line 1,234)", 1)
    for number in range(2_000, 5_000):
        skipped.add(number)
    assert str(skipped).startswith(", 3,001 bad lines skipped (lines 1,234, 2,000, 2,001, ")
    assert str(skipped).endswith(", 2,008, ...)")
    assert len(skipped.first) == 10
