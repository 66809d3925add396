import json

import pytest

from htctl import conclusion
from htctl.batchrecord import Submitted
from pipeline import layout
from pipeline.layout import RunKeys
from pipeline.store.folder import FolderStore

GROUP = Submitted("alice", "alice", "night-01234567", "alice-1")


@pytest.mark.parametrize(
    ("pointer", "made"),
    [
        ({}, False),
        ({"run": "night-01234567", "config": "0123456789"}, True),
        ({"run": "other-01234567", "config": "0123456789"}, True),  # unchanged: nothing was trained
        ({"run": "other-89abcdef", "config": "89abcdef01"}, False),
    ],
)
def test_a_run_is_made_if_the_bot_is_it_or_like_it(store: FolderStore, pointer: dict[str, str], made: bool) -> None:
    store.write(layout.latest("alice"), json.dumps(pointer).encode())
    assert list(conclusion.unmade(store, [GROUP])) == ([] if made else [GROUP])


def test_a_run_that_was_published_once_stays_made(store: FolderStore) -> None:
    store.write(layout.latest("alice"), b'{"run": "other-89abcdef", "config": "89abcdef01"}')
    store.write(RunKeys("alice", GROUP.run).stage("publish"), b"{}")
    assert list(conclusion.unmade(store, [GROUP])) == []
