from tests.htctl.clusters import fake, names  # noqa: F401 - a fixture
from tests.htctl.runner import htctl
from tests.k8s.apiserver import State


def suspended(state: State) -> list[bool]:
    return [bool(job["spec"].get("suspend")) for job in state.objects["Job"].values()]


def test_jobs_pause_and_say_which(fake: State) -> None:  # noqa: F811
    htctl("submit", "-f", "bots.yaml")
    assert htctl("pause", "--batch=night", "bob").err == "paused 1 of 1 Jobs of batch night: bob\n"
    ran = htctl("pause", "-f", "bots.yaml")
    assert ran.err == "paused 2 of 3 Jobs of batch night: alice, alice-bob\nleft alone 1: it is paused already\n"
    assert suspended(fake) == [True] * 3
