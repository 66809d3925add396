"""Where the processes that train together meet: a file on one node, the first one's port on several."""

import datetime
import time
from pathlib import Path
from typing import Any

from torch import distributed

from pipeline.errors import TryLaterError
from pipeline.nodes import Node


def at(file: Path, node: Node, rank: int, size: int, patience: float) -> Any:
    """The store at which `size` processes on all nodes find each other.

    On one node it is a file that only they know: no port is waited at, no host name looked up for it. On several, a
    name that nobody knows yet and a port that nobody listens at are asked again for `patience` seconds; raises
    TryLaterError after that.
    """
    if node.count == 1:
        return distributed.FileStore(str(file), size)  # type: ignore[attr-defined]
    where, timeout = f"{node.address}:{node.port}", datetime.timedelta(seconds=patience)
    try:
        store = distributed.TCPStore(  # type: ignore[attr-defined]
            node.address, node.port, size, is_master=rank == 0, timeout=timeout, wait_for_workers=False
        )
        store.set(f"rank {rank}", "came")
        until = time.monotonic() + patience
        while (came := sum(store.check([f"rank {other}"]) for other in range(size))) < size:
            if time.monotonic() > until:
                break
            time.sleep(min(1.0, patience / 10))
    except RuntimeError as error:
        first = str(error).partition("\n")[0]
        raise TryLaterError(f"{node}: nobody answers at {where} within {patience:g} s: {first}") from error
    if came < size:
        raise TryLaterError(f"{node}: {came} of {size} processes came to {where} within {patience:g} s")
    return store
