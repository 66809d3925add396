from k8s import raw, waiting
from k8s.states import Phase
from tests.k8s.fakes import pod

READY = {"type": "PodReadyToStartContainers", "status": "True"}
CREATING = [{"name": "train", "state": {"waiting": {"reason": "ContainerCreating"}}}]


def test_a_container_that_is_made_where_the_network_is_there_is_pulled() -> None:
    found = pod("alice", "Pending", containerStatuses=CREATING)
    bound = raw.moment("2026-11-25T17:00:01Z")
    assert bound
    assert waiting.pod(found, bound + 5, in_queue=False) == (Phase.STARTING, "on node-0", None)
    found["status"]["conditions"].append(READY)
    assert waiting.pod(found, bound + 5, in_queue=False) == (Phase.PULLING, "htctl:1", None)
    assert waiting.pod(found, bound + 500, in_queue=False).stuck_since == bound


def test_a_helper_that_cannot_be_pulled_is_told_too() -> None:
    helper = {"name": "h", "state": {"waiting": {"reason": "ErrImagePull", "message": "no such\nimage"}}}
    found = waiting.pod(pod("alice", "Pending", initContainerStatuses=[helper]), 0, in_queue=False)
    assert (found.phase, found.detail) == (Phase.PULLING, "ErrImagePull: no such image")
