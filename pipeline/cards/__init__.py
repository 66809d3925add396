"""Model cards: one template file each, filled from what the stages found."""

from collections.abc import Callable
from typing import Any

from pipeline.cards import htctl

Facts = dict[str, Any]

# The name in `card:` -> the function that writes README.md's text from a run's facts.
TEMPLATES: dict[str, Callable[[Facts], str]] = {"htctl": htctl.write}
