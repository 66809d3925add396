import pytest

from htctl import following
from htctl.batches import NamedBatch
from htctl.following import Patience
from htctl.overview import Overview
from k8s.board import Board
from k8s.mirror import Mirror
from k8s.states import Facts, Group
from pipeline.errors import ConfigError
from pipeline.store.folder import FolderStore


def seen(store: FolderStore, *published: str) -> Overview:
    groups = [Group(bot, f"run-{bot}", bot) for bot in ("alice", "bob")]
    board = Board(groups, lambda wanted: {each.job: Facts(complete=each.bot in published) for each, _ in wanted})
    board.update(Mirror())
    return Overview(NamedBatch("night"), store, None, Mirror(), board)


def test_the_last_word_names_what_did_not_go_well(store: FolderStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert following.conclude(seen(store, "alice")) == 1
    assert capsys.readouterr().out == (
        "batch night: 2 groups: 1 published, 1 cancelled\n"
        "bob: cancelled: no Job, and none has begun: not sent yet, or deleted before it ran\n"
    )
    assert following.conclude(seen(store, "alice", "bob")) == 0


def test_without_a_cluster_there_is_nothing_to_follow(store: FolderStore) -> None:
    with pytest.raises(ConfigError, match="no cluster to follow"):
        following.follow(seen(store), Patience(), to_the_end=True)
