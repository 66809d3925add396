from typing import Any

from k8s import names, podjob, settings
from k8s.podjob import Frame, Shape, Work

WORK = Work("a-job", {"a": "1"}, {"note": "n"}, ("TOLD", "costs $(HOME)"))
SHAPE = Shape({"requests": {"cpu": "1"}})


def job(**given: Any) -> podjob.Manifest:
    return podjob.job(WORK, Frame(SHAPE, settings.build({"image": "htctl:1", **given})))


def test_what_it_is_told_is_never_taken_for_a_variable() -> None:
    env = job()["spec"]["template"]["spec"]["containers"][0]["env"]
    assert env[0] == {"name": "TOLD", "value": "costs \\u0024(HOME)"}
    assert {each["name"] for each in env[1:]} == {"HTCTL_NODE", "HTCTL_POD", "HTCTL_TERMINATION_LOG"}


def test_what_is_sent_is_known_by_its_hash_wherever_it_is_sent() -> None:
    first, elsewhere, other = job(), job(namespace="bots"), job(grace_seconds=60)
    hashes = [each["metadata"]["annotations"][names.MANIFEST] for each in (first, elsewhere, other)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_job_without_notes_of_its_own_has_its_hash() -> None:
    bare = podjob.job(Work("a-job", {}, {}, ("TOLD", "")), Frame(Shape({}), settings.build({"image": "htctl:1"})))
    assert list(bare["metadata"]["annotations"]) == [names.MANIFEST]
