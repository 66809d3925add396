from collections.abc import Mapping, Sequence

from k8s.feed import Feed
from k8s.manifests import Manifest
from k8s.mirror import Mirror
from tests.k8s.fakes import ended, job


class Sender:
    """Notes what it is given; refuses some."""

    def __init__(self, *refused: str) -> None:
        self.sent: list[str] = []
        self._refused = refused

    def __call__(self, some: Sequence[Manifest]) -> Mapping[str, str]:
        names = [each["metadata"]["name"] for each in some]
        self.sent += names
        return {name: "no" for name in names if name in self._refused}


def mirror(*jobs: Manifest, asked: float = 0.0) -> Mirror:
    found = Mirror()
    found.replace("Job", jobs, asked)
    return found


def jobs(*names: str) -> list[Manifest]:
    return [job(name) for name in names]


def test_as_many_are_sent_as_there_is_room_for() -> None:
    sender, found = Sender(), mirror(job("a"), ended(job("b")))
    feed = Feed(jobs("c", "d", "e"), 3, sender)
    assert feed.fill(found) == set()
    assert sender.sent == ["c", "d"]
    assert found.unsent == {"c", "d", "e"}


def test_without_a_bound_all_are_sent() -> None:
    sender = Sender()
    Feed(jobs("a", "b"), 0, sender).fill(mirror())
    assert sender.sent == ["a", "b"]


def test_what_was_just_sent_takes_room_before_the_mirror_has_it() -> None:
    sender, found = Sender(), mirror()
    feed = Feed(jobs("a", "b"), 1, sender)
    feed.fill(found)
    feed.fill(found)
    assert sender.sent == ["a"]


def test_one_that_ends_makes_room() -> None:
    sender, found = Sender(), mirror()
    feed = Feed(jobs("a", "b"), 1, sender)
    feed.fill(found)
    assert feed.fill(found, found.apply("Job", "ADDED", job("a"))) == {"a"}
    feed.fill(found, found.apply("Job", "MODIFIED", ended(job("a"))))
    assert sender.sent == ["a", "b"]


def test_one_that_came_and_went_between_two_looks_makes_room() -> None:
    sender, found = Sender(), mirror()
    feed = Feed(jobs("a", "b"), 1, sender)
    feed.fill(found)
    changed = found.apply("Job", "ADDED", job("a")) | found.apply("Job", "DELETED", job("a"))
    assert feed.fill(found, changed) == {"a"}
    assert sender.sent == ["a", "b"]


def test_one_that_a_later_list_has_not_is_gone() -> None:
    sender, found = Sender(), mirror()
    feed = Feed(jobs("a", "b"), 1, sender)
    feed.fill(found)
    feed.fill(mirror(asked=0.0))  # asked for before it was sent
    assert sender.sent == ["a"]
    feed.fill(mirror(asked=float("inf")))
    assert sender.sent == ["a", "b"]


def test_one_that_is_refused_is_not_waited_for_and_the_next_takes_its_place() -> None:
    sender, found = Sender("a"), mirror()
    feed = Feed(jobs("a", "b"), 1, sender)
    assert feed.fill(found) == {"a"}
    assert (sender.sent, feed.refused) == (["a", "b"], {"a": "no"})
