import json
from collections.abc import Iterator
from typing import Any

import pytest

from helm import schema
from k8s.settings import Kubernetes
from pipeline.settings import Settings

MADE = json.loads(schema.text())
# Inside these the words are Kubernetes', and its API server knows them all.
KUBERNETES = {
    "global", "affinity", "nodeAffinity", "podAffinity", "podAntiAffinity", "seccompProfile", "capabilities",
    "appArmorProfile", "seLinuxOptions", "secretKeyRef", "configMapKeyRef", "fieldRef", "resourceFieldRef",
    "pod", "job", "items",
}  # fmt: skip


def parts(found: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema inside of a schema, by the key that it is under."""
    if isinstance(found, dict):
        yield name, found
        for key, inner in found.items():
            if key in ("properties", "$defs"):
                for under, each in inner.items():
                    yield from parts(each, under)
            elif key != "propertyNames":
                yield from parts(inner, key)
    elif isinstance(found, list):
        for each in found:
            yield from parts(each, name)


def test_the_file_is_what_the_values_and_settings_say() -> None:
    assert schema.OUT.read_text() == schema.text(), "make chart"


def test_no_object_takes_keys_that_nobody_knows() -> None:
    for name, part in parts(MADE):
        kinds = part.get("type", "")
        if "object" in kinds and name not in KUBERNETES:
            assert "additionalProperties" in part, (name, part)
            more = part["additionalProperties"]
            assert more is False or "type" in more or "oneOf" in more, (name, part)


def test_the_batch_s_settings_are_those_of_a_batch_file() -> None:
    known = MADE["$defs"]["defaults"]["properties"].keys()
    assert known == {*Settings.__dataclass_fields__, "posts", "kubernetes"}
    kubernetes = MADE["$defs"]["kubernetes"]["properties"].keys()
    assert kubernetes == Kubernetes.__dataclass_fields__.keys() - set(schema.OWN)
    assert MADE["$defs"]["defaults"]["properties"]["train"]["properties"]["epochs"]["maximum"] == 1000


@pytest.mark.parametrize(
    ("setting", "also"), [(("train", "zero_stage"), 2), (("tracker", "mode"), False)], ids=["number", "off"]
)
def test_a_choice_may_be_what_yaml_makes_of_it(setting: tuple[str, str], also: object) -> None:
    outer, inner = setting
    assert also in MADE["$defs"]["defaults"]["properties"][outer]["properties"][inner]["enum"]


def test_every_form_is_used() -> None:
    used = {part["$ref"].removeprefix("#/$defs/") for _, part in parts(MADE) if "$ref" in part}
    assert used == MADE["$defs"].keys()
