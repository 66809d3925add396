"""Model cards: the templates by name, each filled from what the stages found."""

import functools
from collections.abc import Callable

from pipeline.cards import htctl, original
from pipeline.cards.facts import Facts

# The name in `card:` -> the function that writes README.md's text from a run's facts.
TEMPLATES: dict[str, Callable[[Facts], str]] = {
    "htctl": htctl.write,
    **{name: functools.partial(original.of_run, name) for name in original.GENERATIONS},
}
