"""Objects as YAML text that every reader of YAML, old or new, reads alike."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

# What no YAML reads as anything but text; all else is quoted. (A label of hex digits such as 12e4 is a number
# to some, `no` is false to others.)
PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]+")
WORDS = ("yes", "no", "on", "off", "true", "false", "null")


def documents(objects: Iterable[Mapping[str, Any]]) -> str:
    """The objects as one text of several documents."""
    return yaml.dump_all(
        objects, Dumper=_Dumper, sort_keys=False, explicit_start=True, allow_unicode=True, width=2**31 - 1
    )


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc] # the C one is several times faster
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's own
        return True


def _text(dumper: Any, value: str) -> Any:
    plain = PLAIN.fullmatch(value) and value.lower() not in WORDS
    quote = "'" if '"' in value else '"'  # JSON stays legible
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else quote)


_Dumper.add_representer(str, _text)
