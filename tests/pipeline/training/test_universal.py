"""The conversion itself is seen at work in test_parted.py."""

from pathlib import Path

import pytest

from pipeline.errors import HtctlError
from pipeline.training import universal


@pytest.mark.parametrize("kept", [{}, {"processes": 2}, {"zero": 0, "processes": 4}, {"zero": 2, "processes": 3}])
def test_what_fits_is_left_as_it_is(tmp_path: Path, kept: dict[str, int]) -> None:
    universal.fit(tmp_path, kept, 3, pytest.fail)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_what_is_no_checkpoint_is_one_line(tmp_path: Path) -> None:
    (tmp_path / universal.ENGINE).mkdir()
    said: list[str] = []
    with pytest.raises(HtctlError, match=r"the checkpoint cannot be laid out anew: .") as caught:
        universal.fit(tmp_path, {"zero": 1, "processes": 2}, 3, said.append)
    assert "\n" not in str(caught.value)
    assert said == ["train: a checkpoint of 2 processes is laid out anew for 3"]
