import pytest

from htctl import summary
from tests.conftest import Finished


def test_counts_loss_samples_place_and_next_command(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HTCTL_STORE", raising=False)
    lines = summary.lines(finished.store, finished.keys.bot)
    assert lines[0] == "alice-bob"
    assert "  posts     @Alice: 240 downloaded - 0 retweets - 0 short = 240 kept" in lines
    assert any(line.startswith("  held out  ") and " -> " in line for line in lines)
    assert sum(line.startswith("  sample    My dream is") for line in lines) == 3
    assert f"  bot       {finished.model}".rstrip("/") in lines
    assert lines[-1] == f"  next      htctl generate alice-bob --prompt 'I think' -n 5 --store {finished.store.address}"


def test_the_next_command_names_no_store_that_is_the_default(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTCTL_STORE", finished.store.address)
    assert summary.lines(finished.store, finished.keys.bot)[-1].endswith("-n 5")
