from typing import Any

import pytest

from htctl import quotas
from htctl.checks import BAD, NOTE, OK
from k8s import manifests, settings
from tests import factories
from tests.k8s.fakes import FakeCluster


def told(hard: dict[str, str], used: dict[str, str] | None = None, runs: int = 3) -> list[tuple[str, str]]:
    config = factories.run_config(resources={"gpus": 2, "memory": "8Gi", "cpu": 4})
    jobs = [manifests.job(config, settings.build({"image": "htctl:1"}))] * runs
    quota: Any = {"metadata": {"name": "q"}, "status": {"hard": hard, "used": used or {}}}
    return [(check.state, check.said) for check in quotas.check(FakeCluster(ResourceQuota=[quota]), jobs)]


def test_a_batch_that_fits_and_one_that_takes_turns() -> None:
    assert told({"requests.nvidia.com/gpu": "6", "pods": "3"}) == [(OK, "1 in the namespace; the batch fits")]
    ((state, said),) = told({"requests.nvidia.com/gpu": "6"}, {"requests.nvidia.com/gpu": "2"})
    assert (state, said) == (NOTE, "q: requests.nvidia.com/gpu leaves room for 2 of 3 runs at once")


def test_a_run_that_never_fits_and_jobs_that_cannot_be_made_are_errors() -> None:
    assert told({"memory": "4Gi"})[0][0] == BAD
    assert told({"count/jobs.batch": "10"}, {"count/jobs.batch": "8"})[0] == (
        BAD,
        "q: room for 2 more Jobs, the batch has 3",
    )


@pytest.mark.parametrize(("text", "value"), [("500m", 0.5), ("8Gi", 8 * 2**30), ("1k", 1000), ("4", 4), ("x", 0)])
def test_quantities(text: str, value: float) -> None:
    assert quotas.number(text) == value
