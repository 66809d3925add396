import pytest

from pipeline.errors import StoreError
from pipeline.store import objects
from pipeline.store.folder import FolderStore


def test_what_is_read_is_what_was_written(store: FolderStore) -> None:
    assert objects.read_json(store, "a.json") == {}
    store.write("a.json", objects.to_bytes({"name": "日本"}))
    assert objects.read_json(store, "a.json") == {"name": "日本"}
    assert objects.to_bytes({"name": "日本"}).decode() == '{\n  "name": "日本"\n}\n'


def test_a_change_is_made_anew_where_another_was_first(store: FolderStore) -> None:
    others = iter([b'{"count": 10}', b'{"count": 20}'])

    def edit(found: dict[str, int]) -> dict[str, int]:
        other = next(others, None)
        if other:
            store.write("a.json", other)
        return {"count": found.get("count", 0) + 1}

    objects.change(store, "a.json", edit)
    assert objects.read_json(store, "a.json") == {"count": 21}


def test_what_is_left_alone_is_not_written(store: FolderStore) -> None:
    objects.change(store, "a.json", lambda found: None)
    assert not store.exists("a.json")


def test_who_is_never_first_says_so(store: FolderStore) -> None:
    turns = iter(range(1000))

    def edit(found: dict[str, int]) -> dict[str, int]:
        store.write("a.json", objects.to_bytes({"count": next(turns)}))
        return {"count": -1}

    with pytest.raises(StoreError, match=r"a\.json was changed by others 20 times in a row; run the same command"):
        objects.change(store, "a.json", edit)
    assert next(turns) == objects.TRIES
