from k8s import raw
from k8s.states import Group
from tests.k8s.fakes import job, pod


def test_a_group_is_in_its_job_s_annotations() -> None:
    assert raw.group(job("alice")) == Group("alice", "test-alice", "alice", ("alice",))
    foreign = {"metadata": {"name": "x"}}
    assert raw.group(foreign) == Group("x", "", "x", ())


def test_what_is_not_there_is_empty() -> None:
    assert raw.condition(None, "Complete") == {}
    assert raw.container({"metadata": {}}) == {}
    assert raw.moment(None) is None
    assert raw.owner({"metadata": {}}) == ""
    assert raw.owner(pod("alice")) == "uid-alice"


def test_a_group_has_its_batch_and_the_store_that_its_job_names() -> None:
    made = job("alice")
    made["metadata"]["labels"]["htctl.dev/batch"] = "night"
    (container,) = made["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": "HTCTL_RUN", "value": '{"store": "s3://bots/a\\u0024b"}'}]
    assert raw.group(made) == Group("alice", "test-alice", "alice", ("alice",), "night", "s3://bots/a$b")
    container["env"] = [{"name": "HTCTL_RUN", "value": "of another version"}]
    assert raw.store(made) == ""
