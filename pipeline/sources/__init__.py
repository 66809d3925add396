"""Where posts come from: one module a source; those that are asked over the network by name."""

import importlib
import os
from collections.abc import Callable
from typing import cast

from pipeline.sources.network import Source

# Each module has `opened(environment, say) -> Source`; it is imported when somebody asks for it.
NETWORK = {
    "x": "pipeline.sources.x",
    "bluesky": "pipeline.sources.bluesky",
    "mastodon": "pipeline.sources.mastodon",
}


def opened(name: str, say: Callable[[str], None]) -> Source:
    """The source of that name, as this process's environment describes it; `say` tells a person why it waits."""
    return cast(Source, importlib.import_module(NETWORK[name]).opened(os.environ, say))
