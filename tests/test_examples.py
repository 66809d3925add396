"""The examples that a newcomer is sent to are sound batch files."""

from pathlib import Path

import pytest

from htctl import batchfile, jobs

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize(("name", "groups"), [("bots.yaml", 3), ("first.yaml", 3)])
def test_a_batch_file_to_begin_with(name: str, groups: int) -> None:
    batch = batchfile.load(EXAMPLES / name, {})
    assert len(batch.groups) == groups


def test_the_first_batch_asks_for_no_gpu_and_little_else() -> None:
    batch = batchfile.load(EXAMPLES / "first.yaml", {})
    for job in jobs.objects(batch, batch.store):
        (container,) = job["spec"]["template"]["spec"]["containers"]
        assert container["resources"] == {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
