"""Writes the chart's values.schema.json: values.yaml's forms, and the batch file's settings from their dataclasses."""

import dataclasses
import json
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from helm import values
from k8s.settings import Kubernetes
from pipeline.settings import Settings

Schema = dict[str, Any]

OUT = values.CHART / "values.schema.json"
FORMS = Path(__file__).parent / "forms.yaml"
TYPES: dict[type[Any], str] = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array"}
SHARED = ("affinity", "env", "tolerations")  # forms that `kubernetes` shares with the chart's own values
OWN = ("image", "namespace", "service_account", "pull_policy")  # of `kubernetes`, what the chart sets


def text() -> str:
    """The file's text."""
    defined = yaml.safe_load(FORMS.read_text(encoding="utf-8"))
    made = _tree(values.read())
    made["properties"]["global"] = {"type": "object", "description": "Helm's own, in a chart of charts"}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Values of the chart htctl"}
    return json.dumps({**head, **made, "$defs": {**defined, **_batch()}}, indent=1, ensure_ascii=False) + "\n"


def _tree(documented: list[values.Value]) -> Schema:
    """Nested objects that know their keys and no others."""
    root = _closed({})
    for value in documented:
        here = root
        for step in value.path[:-1]:
            here = here["properties"].setdefault(step, _closed({}))
        here["properties"][value.path[-1]] = {**_form(value), "description": value.text}
    return root


def _form(value: values.Value) -> Schema:
    if isinstance(value.form, str):
        return {"$ref": f"#/$defs/{value.form}"}
    return {"type": TYPES[type(value.default)], **value.form}


def _closed(properties: Mapping[str, Any]) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": dict(properties)}


def _batch() -> dict[str, Schema]:
    """`defaults` and `groups` of a batch file."""
    posts = {"oneOf": [{"type": "string"}, _map({"type": "string"})]}
    kubernetes = _fields(Kubernetes)
    kubernetes["properties"] = {k: v for k, v in kubernetes["properties"].items() if k not in OWN}
    for name in SHARED:
        kubernetes["properties"][name] = {"$ref": f"#/$defs/{name}"}
    shared = {**_fields(Settings)["properties"], "posts": posts, "kubernetes": {"$ref": "#/$defs/kubernetes"}}
    handle = {"type": "string", "minLength": 1}
    handles = {"oneOf": [handle, {"type": "array", "items": handle, "minItems": 1}]}
    group = {**_closed({"handles": handles, **shared}), "required": ["handles"]}
    return {
        "kubernetes": kubernetes,
        "defaults": _closed(shared),
        "groups": {"type": "array", "items": {"oneOf": [handle, group]}},
    }


def _fields(cls: Any) -> Schema:
    """A dataclass of settings as an object that knows its fields and no others."""
    hints = typing.get_type_hints(cls)
    return _closed({field.name: _setting(hints[field.name], field.metadata) for field in dataclasses.fields(cls)})


def _setting(kind: Any, about: Mapping[str, Any]) -> Schema:
    if dataclasses.is_dataclass(kind):
        return _fields(kind)
    made = {**_kind(kind, about), "description": about["text"]}
    bounds = {"minimum": about["low"], "maximum": about["high"]}
    made |= {key: bound for key, bound in bounds.items() if bound is not None}
    if about["pattern"]:
        pattern = {"pattern": f"^({about['pattern']})$"}
        made |= {"items": {**made["items"], **pattern}} if "items" in made else pattern
    return made


def _kind(kind: Any, about: Mapping[str, Any]) -> Schema:
    """The type; what Kubernetes alone understands is left to it."""
    if about["choices"]:
        # YAML reads `2` as a number and `off` as false; htctl takes both as they were meant.
        also = [int(choice) for choice in about["choices"] if choice.isdigit()]
        return {"enum": [*about["choices"], *also, *([False] if "off" in about["choices"] else [])]}
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return {"type": "array", "items": {"type": "object"} if arguments[0] is Any else {"type": TYPES[arguments[0]]}}
    if origin is not None:
        return {"type": "object"} if arguments[1] is Any else _map({"type": TYPES[arguments[1]]})
    return {"type": TYPES[kind]}


def _map(of: Schema) -> Schema:
    return {"type": "object", "additionalProperties": of}


if __name__ == "__main__":
    OUT.write_text(text(), encoding="utf-8")
