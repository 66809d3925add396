import pytest

from pipeline import published
from pipeline.errors import StoreError
from pipeline.store.folder import FolderStore


def test_the_run_that_the_pointer_names(store: FolderStore) -> None:
    store.write("bots/alice/latest.json", b'{"run": "b-00000000", "handles": ["alice"]}')
    assert published.current_run(store, "alice").base == "bots/alice/runs/b-00000000"
    assert published.pointer(store, "alice")["handles"] == ["alice"]


def test_a_bot_that_is_not_published(store: FolderStore) -> None:
    assert published.pointer(store, "alice") == {}
    with pytest.raises(StoreError, match=r"alice/latest\.json: the bot is not published"):
        published.current_run(store, "alice")
