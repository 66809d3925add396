from collections.abc import Mapping

from k8s import look
from k8s.board import Board, Wanted
from k8s.states import Ask, Facts, Group, Phase
from tests.k8s.fakes import FakeCluster, ended, job, pod


class Asked:
    """A reader that keeps what it was asked."""

    def __init__(self, **published: str) -> None:
        self.published, self.asks = published, dict[str, Ask]()

    def __call__(self, wanted: Wanted) -> Mapping[str, Facts | None]:
        self.asks = {group.job: ask for group, ask in wanted}
        return {
            group.job: Facts(pointer={"run": self.published.get(group.bot, "") if ask is Ask.END else ""})
            for group, ask in wanted
        }


def test_the_store_is_asked_only_where_it_alone_can_tell() -> None:
    jobs = [ended(job("done")), job("runs"), job("waits", suspend=True), job("new")]
    mirror = look.mirror(FakeCluster(Job=jobs, Pod=[pod("runs")], Event=[]))
    asked = Asked()
    Board([Group("gone", "test-gone", "gone")], asked).update(mirror)
    assert asked.asks == {"done": Ask.END, "gone": Ask.END, "runs": Ask.NOW}


def test_only_what_says_something_else_is_told() -> None:
    cluster = FakeCluster(Job=[job("a"), job("b", suspend=True)], Pod=[pod("a")])
    mirror, board = look.mirror(cluster), Board([], Asked(a="test-a"))
    assert {state.group.bot for state in board.update(mirror)} == {"a", "b"}
    assert board.update(mirror) == []
    (told,) = board.update(mirror, mirror.apply("Job", "MODIFIED", ended(job("a"))))
    assert (told.group.bot, told.phase) == ("a", Phase.PUBLISHED)


def test_a_job_that_goes_stays_a_row() -> None:
    mirror = look.mirror(FakeCluster(Job=[job("a")], Pod=[pod("a")]))
    board = Board([], Asked())
    board.update(mirror)
    board.update(mirror, mirror.apply("Job", "DELETED", job("a")))
    assert board.states["a"].phase == Phase.CANCELLED


def test_a_group_whose_job_was_ended_from_here_stays_failed_until_another_job_is_made() -> None:
    mirror = look.mirror(FakeCluster(Job=[job("a")], Pod=[]))
    board = Board([], Asked())
    board.update(mirror)
    board.fail("a", "uid-a", "cannot start")
    board.update(mirror, {"a"})
    board.update(mirror, mirror.apply("Job", "DELETED", job("a")))
    assert (board.states["a"].phase, board.states["a"].detail) == (Phase.FAILED, "cannot start")
    board.update(mirror, mirror.apply("Job", "ADDED", job("a", uid="another", suspend=True)))
    assert board.states["a"].phase == Phase.PAUSED


def test_without_a_cluster_nothing_is_called_cancelled() -> None:
    board = Board([Group("a", "test-a", "a"), Group("b", "test-b", "b")], Asked(b="test-b"), asked=False)
    board.update(look.Mirror())
    assert [state.phase for state in board.states.values()] == [Phase.UNKNOWN, Phase.PUBLISHED]


def test_groups_that_are_not_asked_for_are_left_out() -> None:
    board = Board([Group("a", "r", "a")], Asked(), lambda group: group.bot == "b")
    board.update(look.mirror(FakeCluster(Job=[job("b"), job("c")], Pod=[])))
    assert list(board.states) == ["b"]
