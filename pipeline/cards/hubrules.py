"""The rules of `hub.py`, one for each key of a card's metadata that the Hub looks at."""

import difflib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipeline.cards import hublists
from pipeline.schema import Path, Problem, say

Rule = Callable[[Any, Path], Iterator[Problem]]


def _each(value: Any, path: Path, what: str) -> Iterator[tuple[str, Path] | Problem]:
    """The texts of a text or a list of them, with their paths."""
    items = [(item, (*path, index)) for index, item in enumerate(value)] if isinstance(value, list) else [(value, path)]
    for item, at in items:
        if isinstance(item, str) and item:
            yield item, at
        elif isinstance(item, bool):
            yield Problem(at, f"must be {what}; YAML takes this word for true or false: put quotes around it")
        else:
            yield Problem(at, f"must be {what}, not {say(item)}; put quotes around what is no word")


def _listed(value: Any, path: Path, what: str, judge: Callable[[str], str]) -> Iterator[Problem]:
    for found in _each(value, path, what):
        if isinstance(found, Problem):
            yield found
        elif wrong := judge(found[0]):
            yield Problem(found[1], wrong)


def _language(value: Any, path: Path) -> Iterator[Problem]:
    yield from _listed(value, path, "a language's code, such as en", _wrong_language)


def _wrong_language(code: str) -> str:
    if code in hublists.LANGUAGES or code in hublists.SPECIAL_LANGUAGES or re.fullmatch("[a-z]{3}", code):
        return ""
    if re.fullmatch(r"[A-Za-z]{2,3}[-_][\w-]+", code):
        return f"'{code}' names a region or script; write '{code[:2].lower()}' here, and the whole in language_bcp47"
    return f"'{code}' is no code of ISO 639; such are en, ja, pt (also 'code' and 'multilingual')"


def _licence(value: Any, path: Path) -> Iterator[Problem]:
    yield from _listed(value, path, "a licence's id, such as mit", wrong_licence)


def wrong_licence(name: str) -> str:
    """Why the Hub would refuse a licence's id; "" where it would not."""
    if name in hublists.LICENCES:
        return ""
    near = difflib.get_close_matches(name.lower(), sorted(hublists.LICENCES), 1)
    hint = f"did you mean '{near[0]}'?" if near else "of one that it does not know, write 'other' and a license_name"
    return f"'{name}' is no licence that the Hub knows; {hint}"


def _model(value: Any, path: Path) -> Iterator[Problem]:
    def wrong(name: str) -> str:
        sound = _REPOSITORY.fullmatch(name) and ".." not in name and "--" not in name
        return "" if sound else f"'{name}' is no model id; write OWNER/NAME as on the Hub, or leave the key out"

    yield from _listed(value, path, "a model's id, such as openai-community/gpt2", wrong)


def _datasets(value: Any, path: Path) -> Iterator[Problem]:
    def wrong(name: str) -> str:
        return "" if _DATASET.fullmatch(name) else f"'{name}' is no data set's id; only ids of the Hub go here"

    yield from _listed(value, path, "a data set's id", wrong)


def _texts(value: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield Problem(path, f"must be a list of texts, not {say(value)}; write '- ' before each")
        return
    yield from _listed(value, path, "text", lambda _: "")


def _one_of(names: frozenset[str], what: str) -> Rule:
    def rule(value: Any, path: Path) -> Iterator[Problem]:
        if not isinstance(value, str) or value not in names:
            some = ", ".join(sorted(names)[:4]) if len(names) < 9 else "text-generation"
            yield Problem(path, f"{say(value)} is no {what}; such are {some}")

    return rule


def _text(value: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(value, str) or not value:
        yield Problem(path, f"must be text, not {say(value)}")


def _thumbnail(value: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(value, str) or not re.fullmatch(r"https?://\S+", value):
        yield Problem(path, f"must be the picture's whole address (https://...), not {say(value)}")


def _widget(value: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield Problem(path, f"must be a list of examples such as '- text: My dream is', not {say(value)}")
        return
    for index, item in enumerate(value):
        text = item.get("text", item.get("messages")) if isinstance(item, Mapping) else None
        if not isinstance(text, str | list):
            yield Problem((*path, index), "must have 'text' that is text; put quotes around it")


def _index(value: Any, path: Path) -> Iterator[Problem]:
    yield from _parts(value, path, _model_results)


def _model_results(model: Mapping[Any, Any], path: Path) -> Iterator[Problem]:
    yield from _text(model.get("name"), (*path, "name"))
    yield from _parts(model.get("results"), (*path, "results"), _result)


def _result(result: Mapping[Any, Any], path: Path) -> Iterator[Problem]:
    yield from _fields(result, "task", ("type",), path)
    yield from _fields(result, "dataset", ("type", "name"), path)
    dataset = result.get("dataset")
    kind = dataset.get("type") if isinstance(dataset, Mapping) else None
    if isinstance(kind, str) and kind and not _DATASET.fullmatch(kind):
        yield Problem(
            (*path, "dataset", "type"), f"'{kind}' has the wrong form; letters, digits, '-', '_' and '.' only"
        )
    if isinstance(dataset, Mapping) and not isinstance(dataset.get("args", {}), Mapping):
        yield Problem((*path, "dataset", "args"), "must be a mapping")
    yield from _parts(result.get("metrics"), (*path, "metrics"), _metric)


def _metric(metric: Mapping[Any, Any], path: Path) -> Iterator[Problem]:
    yield from _text(metric.get("type"), (*path, "type"))
    value = metric.get("value")
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        yield Problem((*path, "value"), f"must be a number that is one, not {'nothing' if value is None else value}")


def _parts(value: Any, path: Path, rule: Rule) -> Iterator[Problem]:
    """A list of mappings, at least one, each by its rule."""
    if not isinstance(value, list) or not value:
        yield Problem(path, "must be a list with at least one entry")
        return
    for index, item in enumerate(value):
        if isinstance(item, Mapping):
            yield from rule(item, (*path, index))
        else:
            yield Problem((*path, index), f"must be a mapping, not {say(item)}")


def _fields(data: Mapping[Any, Any], name: str, needed: tuple[str, ...], path: Path) -> Iterator[Problem]:
    """A mapping in a mapping, with texts that must be there."""
    inner = data.get(name)
    if not isinstance(inner, Mapping):
        yield Problem((*path, name), f"must be a mapping with {' and '.join(needed)}")
        return
    for key in needed:
        yield from _text(inner.get(key), (*path, name, key))


_REPOSITORY = re.compile(r"(?=.{1,96}$)[A-Za-z0-9_][\w.-]*(/[A-Za-z0-9_][\w.-]*)?", re.ASCII)
_DATASET = re.compile(r"(?:[\w-]+/)?[\w.-]+", re.ASCII)

# The key of a card's metadata -> its rule: everything that is wrong with its value.
RULES: dict[str, Rule] = {
    "language": _language,
    "license": _licence,
    "license_name": _text,
    "library_name": _text,
    "pipeline_tag": _one_of(hublists.TASKS, "task of the Hub"),
    "tags": _texts,
    "datasets": _datasets,
    "metrics": _texts,
    "base_model": _model,
    "base_model_relation": _one_of(hublists.RELATIONS, "relation to a base model"),
    "new_version": _model,
    "thumbnail": _thumbnail,
    "widget": _widget,
    "model-index": _index,
}
