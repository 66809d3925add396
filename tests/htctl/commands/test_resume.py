from tests.htctl.clusters import fake  # noqa: F401 - a fixture
from tests.htctl.commands.test_pause import suspended
from tests.htctl.runner import htctl
from tests.k8s.apiserver import State


def test_what_was_paused_goes_on(fake: State) -> None:  # noqa: F811
    htctl("submit", "-f", "bots.yaml")
    htctl("pause", "--batch=night", "alice*")
    ran = htctl("resume", "--batch=night")
    assert "resumed 2 of 3 Jobs of batch night" in ran.err
    assert "left alone 1: it is not paused" in ran.err
    assert suspended(fake) == [False] * 3
