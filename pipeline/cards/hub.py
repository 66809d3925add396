"""What the Hub checks of a card when it is pushed, checked without it.

The Hub's own check is on its server. This one knows what is documented and what its refusals were seen to
say. It cannot know whether a model id or a three-letter language exists, and the Hub tells no limit for the
card's size that could be checked.
"""

import re
from collections.abc import Mapping
from typing import Any

from pipeline.cards.hubrules import RULES
from pipeline.schema import Problem, say


def check(text: str) -> list[Problem]:
    """Everything in a card's metadata that the Hub would refuse; empty where it is sound."""
    found = _BLOCK.match(text.removeprefix("\ufeff"))
    if not found:
        return [Problem((), "no metadata; begin the file with a line of ---, YAML, and another line of ---")]
    try:
        data = _load(found.group(1))
    except ValueError as error:
        return [Problem((), f"the metadata is no sound YAML: {error}")]
    if not isinstance(data, Mapping):
        return [Problem((), f"the metadata must be a mapping such as 'license: mit', not {say(data)}")]
    return [problem for name, rule in RULES.items() if name in data for problem in rule(data[name], (name,))]


def _load(block: str) -> Any:
    """YAML, strictly: a key that comes twice is refused, as the Hub does. Raises ValueError with the line."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Takes no key twice."""

    def mapping(loader: Any, node: Any) -> Any:
        keys = [(key.value, key.start_mark.line + 2) for key, _ in node.value]
        for index, (key, line) in enumerate(keys):
            if key in [other for other, _ in keys[:index]]:
                raise ValueError(f"line {line}: the key '{key}' is there twice; take one out")
        return yaml.SafeLoader.construct_mapping(loader, node, deep=True)

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    try:
        return yaml.load(block, Loader)  # noqa: S506 - a SafeLoader with a check more
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 0
        raise ValueError(f"line {line}: {error.problem}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(str(error).splitlines()[0]) from None


_BLOCK = re.compile(r"\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|$)", re.DOTALL)
