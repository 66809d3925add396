"""A run that is killed at any moment, or stopped for longer than its lease, ends as the unbroken one; a few rounds.

Many more, with their results, are in `bench/kill` and `bench/stop`.
"""

import random
import signal
from pathlib import Path

import pytest

from pipeline.errors import INTERRUPTED, TryLaterError
from pipeline.plan import STAGES
from tests import s3server, survival

pytestmark = pytest.mark.slow
SHORT = ["scrape", "train", "publish"]
OTHERS = [stage for stage in STAGES if stage not in SHORT]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> survival.Scene:
    return survival.prepare(tmp_path_factory.mktemp("scene"))


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.long)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "store")
    server: s3server.Server = request.getfixturevalue("s3")
    return server.address(tmp_path.name)


def test_a_killed_run_ends_as_the_unbroken_one(scene: survival.Scene, address: str) -> None:
    found = survival.kill_round(scene, address, random.Random(0))
    assert found["wrong"] == []
    assert found["loads"] > 1


@pytest.mark.parametrize("stage", [*SHORT, *(pytest.param(name, marks=pytest.mark.long) for name in OTHERS)])
def test_ctrl_c_in_any_stage_is_130_and_the_run_goes_on(scene: survival.Scene, tmp_path: Path, stage: str) -> None:
    found = survival.signal_round(scene, str(tmp_path / "store"), signal.SIGINT, stage, random.Random(stage))
    assert found["wrong"] == []
    assert found["first"] == INTERRUPTED or (found["first"], stage) == (0, "publish")  # it may have been done already
    assert "Traceback" not in found["said"]


@pytest.mark.parametrize("stage", [pytest.param("clean", marks=pytest.mark.long), "train"])
def test_sigterm_is_75_and_the_run_goes_on(scene: survival.Scene, tmp_path: Path, stage: str) -> None:
    found = survival.signal_round(scene, str(tmp_path / "store"), signal.SIGTERM, stage, random.Random(stage))
    assert found["wrong"] == []
    assert found["first"] == TryLaterError.exit_code


def test_who_slept_through_its_lease_does_no_harm(scene: survival.Scene, address: str) -> None:
    assert survival.stop_round(scene, address, random.Random(0))["wrong"] == []
