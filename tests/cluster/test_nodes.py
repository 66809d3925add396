"""Two rounds of harm to a run on two nodes; more, with their results, are in `bench/nodes`.

HTCTL_NODES          seeds instead of these two, one round for each
HTCTL_NODES_RESULT   a file that gets what happened in each round, as a line of JSON
"""

import itertools
import json
import os
from pathlib import Path

import pytest

from tests.cluster import nodeharm, scene
from tests.cluster.scene import Scene

STAGES = itertools.cycle("2031")
SEEDS = list(zip(os.environ.get("HTCTL_NODES", "four two").split(), STAGES, strict=False))


@pytest.fixture(scope="session")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, nodeharm.Made]:
    """What nothing happened to, by ZeRO stage."""
    stages = {zero_stage for _, zero_stage in SEEDS}
    return {name: nodeharm.alone(tmp_path_factory.mktemp("alone"), name) for name in stages}


@pytest.mark.parametrize(("seed", "zero_stage"), SEEDS)
def test_whatever_ends_a_node_the_run_goes_on_to_what_it_would_have_been(
    stage: Scene, tmp_path: Path, expected: dict[str, nodeharm.Made], seed: str, zero_stage: str
) -> None:
    scene.needs(stage.is_here(), "the cluster's node is not this machine, whose processes are ours to kill")
    found = nodeharm.round_(stage, tmp_path, expected[zero_stage], zero_stage, seed)
    if "HTCTL_NODES_RESULT" in os.environ:
        with Path(os.environ["HTCTL_NODES_RESULT"]).open("a") as result:
            result.write(json.dumps(found) + "\n")
    assert found["wrong"] == []
    assert len(found["harm"]) == nodeharm.HARMS
