"""Which of a run's nodes this process is on, as its Job says it in torchrun's words."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.errors import ConfigError

# Where the first node is met, how many there are, which one this is, and how many processes train on each.
VARIABLES = ("MASTER_ADDR", "MASTER_PORT", "PET_NNODES", "PET_NODE_RANK", "PET_NPROC_PER_NODE")


@dataclass(frozen=True)
class Node:
    """One of `count` nodes that make a run together; the first one, with index 0, does all but its share of training.

    address, port: where the first one's first training process waits for the others
    """

    index: int = 0
    count: int = 1
    address: str = ""
    port: int = 0

    @property
    def is_first(self) -> bool:
        """Whether it is the one that holds the run's lease and does the stages."""
        return self.index == 0

    def __str__(self) -> str:
        return f"node {self.index} of {self.count}"


ALONE = Node()


def here(environment: Mapping[str, str] = os.environ) -> Node:
    """The node that this is; ALONE where nothing, or that there is one, is said."""
    address, port, count, index, _ = (environment.get(name, "") for name in VARIABLES)
    if count in ("", "1"):
        return ALONE
    try:
        found = Node(int(index), int(count), address, int(port))
    except ValueError:
        raise ConfigError(f"{', '.join(VARIABLES[1:4])} must be numbers, not {port!r}, {count!r}, {index!r}") from None
    if not (address and 0 <= found.index < found.count):
        raise ConfigError(f"{VARIABLES[0]} is {address!r} and {VARIABLES[3]} {index}, of {count} nodes")
    return found
