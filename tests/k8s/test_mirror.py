from k8s.mirror import Mirror
from tests.k8s.fakes import ended, job, pod


def test_a_change_names_the_job_that_it_is_about() -> None:
    mirror = Mirror()
    assert mirror.replace("Job", [job("a"), job("b")]) == {"a", "b"}
    assert mirror.apply("Pod", "ADDED", pod("a")) == {"a"}
    assert mirror.apply("Pod", "ADDED", pod("of-another")) == set()
    assert len(mirror.seen("a").pods) == 1
    assert mirror.apply("Pod", "DELETED", pod("a")) == {"a"}
    assert mirror.seen("a").pods == ()


def test_a_list_tells_of_what_is_gone() -> None:
    mirror = Mirror()
    mirror.replace("Job", [job("a"), job("b")])
    mirror.replace("Pod", [pod("a")])
    assert mirror.replace("Job", [job("b")]) == {"a", "b"}
    assert mirror.seen("a").job is None
    assert mirror.replace("Pod", []) == {"b"}


def test_pods_of_a_job_that_was_made_again_are_not_the_new_one_s() -> None:
    mirror = Mirror()
    mirror.replace("Pod", [pod("a")])
    mirror.replace("Job", [job("a", uid="another")])
    assert mirror.seen("a").pods == ()


def test_a_job_that_fetches_posts_is_known_until_it_has_ended() -> None:
    fetches = job("scrape-night")
    fetches["metadata"].setdefault("labels", {})["app.kubernetes.io/component"] = "scrape"
    found = Mirror()
    found.replace("Job", [job("a"), fetches])
    assert found.seen("b").fetching
    found.apply("Job", "MODIFIED", job("a"))
    assert found.seen("b").fetching
    found.apply("Job", "MODIFIED", ended(fetches))
    assert not found.seen("b").fetching
    found.apply("Job", "ADDED", fetches)
    found.apply("Job", "DELETED", fetches)
    assert not found.seen("b").fetching
