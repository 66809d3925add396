"""JSON objects of the store: read, written, and changed while others may be changing them too."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.errors import StoreError
from pipeline.store import ABSENT, Store

TRIES = 20  # others who may get in between


def to_bytes(data: Any) -> bytes:
    """JSON for a person to read, ending in a newline."""
    return (json.dumps(data, ensure_ascii=False, indent=2) + "\n").encode()


def read_json(store: Store, key: str) -> dict[str, Any]:
    """A JSON object of the store; empty where there is none."""
    found = store.read(key)
    return dict(json.loads(found.data)) if found else {}


def change(store: Store, key: str, edit: Callable[[dict[str, Any]], Mapping[str, Any] | None]) -> None:
    """Write what `edit` makes of an object, of {} where there is none; it is asked anew where another was first.

    None from `edit` leaves the object as it is. StoreError where others are always first.
    """
    for _ in range(TRIES):
        found = store.read(key)
        made = edit(dict(json.loads(found.data)) if found else {})
        if made is None or store.swap(key, to_bytes(made), found.version if found else ABSENT):
            return
    raise StoreError(f"{store.place(key)} was changed by others {TRIES} times in a row; run the same command again")
