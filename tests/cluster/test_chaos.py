"""Two rounds of chaos; twenty, with their results, are in `bench/chaos`.

HTCTL_CHAOS          seeds instead of these two, one round for each
HTCTL_CHAOS_RESULT   a file that gets what happened in each round, as a line of JSON
"""

import json
import os
from pathlib import Path

import pytest

from tests.cluster import chaos, sixgroups
from tests.cluster.scene import Scene

SEEDS = os.environ.get("HTCTL_CHAOS", "one two").split()


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_breaks_meanwhile_each_bot_is_published_once(
    stage: Scene, shared: Path, tmp_path: Path, six_here: dict[str, sixgroups.Made], seed: str
) -> None:
    batch = sixgroups.file(stage, shared, tmp_path, backoff_limit=20)
    found = chaos.round_(stage, batch, six_here, chaos.seeded(seed))
    if "HTCTL_CHAOS_RESULT" in os.environ:
        with Path(os.environ["HTCTL_CHAOS_RESULT"]).open("a") as result:
            result.write(json.dumps({"seed": seed, **found}) + "\n")
    assert found["wrong"] == []
    assert found["looks"] > 0
