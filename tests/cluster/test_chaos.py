"""Two rounds of chaos; twenty, with their results, are in `bench/chaos`."""

from pathlib import Path

import pytest

from tests.cluster import chaos, sixgroups
from tests.cluster.scene import Scene


@pytest.mark.parametrize("seed", ["one", "two"])
def test_whatever_breaks_meanwhile_each_bot_is_published_once(
    stage: Scene, shared: Path, tmp_path: Path, seed: str
) -> None:
    batch = sixgroups.file(stage, shared, tmp_path, backoff_limit=20)
    expected = sixgroups.here(batch, tmp_path / "here")
    assert expected.keys() == sixgroups.bots()
    found = chaos.round_(stage, batch, expected, chaos.seeded(seed))
    assert found["wrong"] == []
    assert found["looks"] > 0
