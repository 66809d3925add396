"""Tries a store: writes, a condition that must hold, one that must not, and the removal of what was written.

`htctl doctor --probe` runs this very text in a Pod, with the image's own store and the Pod's credentials.
"""

import importlib
import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.store import Store


def trial(store: "Store") -> None:
    """Raise StoreError where the store cannot be written, or takes conditional writes for plain ones."""
    from pipeline.errors import StoreError

    key = f"doctor/{secrets.token_hex(8)}"
    try:
        made = store.swap(key, b"1", "")
        found = store.read(key)
        if not made or found is None or found.data != b"1":
            raise StoreError(f"{store.address}: what is written there is not read back")
        if store.swap(key, b"2", "") or not store.swap(key, b"3", found.version):
            raise StoreError(f"{store.address}: conditional writes are not honoured; use a store that has them")
    finally:
        store.delete(key)


def main() -> int:
    """Try the store of the run in `HTCTL_RUN`; the outcome goes where Kubernetes looks for it."""
    code, reason = 0, ""
    try:
        from pipeline.store import open_store

        address = json.loads(os.environ["HTCTL_RUN"])["store"]
        trial(open_store(address))
        reason = f"{address} can be read and written from the Pod"
        gpus = int(os.environ.get("HTCTL_PROBE_GPUS", "0"))
        if gpus:
            torch = importlib.import_module("torch")  # by name: nothing that is imported here may load it
            if torch.cuda.device_count() < gpus:
                code, reason = 1, f"{gpus} GPUs were asked for, torch sees {torch.cuda.device_count()} of them"
    except ImportError as error:
        code, reason = 1, f"the image is not htctl's, or not whole: {error}"
    except Exception as error:
        code, reason = getattr(error, "exit_code", 1), str(error)
    word = {"code": code, "reason": reason, "stage": "probe"}
    Path(os.environ.get("HTCTL_TERMINATION_LOG", "/dev/null")).write_text(json.dumps(word), encoding="utf-8")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
