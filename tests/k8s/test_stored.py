from k8s import stored
from k8s.states import Facts, Group

GROUP = Group("alice", "night-0000aaaa", "alice-1")


def test_published_is_what_the_pointer_or_the_marker_says() -> None:
    assert stored.is_published(GROUP, Facts({"run": GROUP.run}))
    assert stored.is_published(GROUP, Facts({"run": "later"}, complete=True))
    assert not stored.is_published(GROUP, Facts({"run": "later"}))
    assert not stored.is_published(Group("alice", "", "alice-1"), Facts({"run": ""}))


def test_unchanged_is_the_same_config_in_another_run() -> None:
    assert stored.is_unchanged(GROUP, Facts({"run": "other", "config": "0000aaaa77"}))
    assert not stored.is_unchanged(GROUP, Facts({"run": "other", "config": "0000aaab77"}))
    assert not stored.is_unchanged(GROUP, Facts())
