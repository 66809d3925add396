"""YAML with line numbers: plain data, the line of every part of it, and keys that are given twice."""

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from pipeline.errors import ConfigError
from pipeline.schema import Path as KeyPath
from pipeline.schema import Problem

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, where PyYAML was built with it

DEEPEST = 100  # lists and mappings in each other


class Document(NamedTuple):
    """A file's data; `lines` maps a path of keys and indices to its line, counted from 1."""

    data: Any
    lines: dict[KeyPath, int]
    problems: list[Problem]


def read(path: Path) -> Document:
    """The one document of a YAML file; raises ConfigError where it cannot be read as that."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    try:
        _measure(text, path)
        loader = LOADER(text)
        node = loader.get_single_node()
        document = Document(None, {}, [])
        if node is None:
            return document
        _walk(node, (), document)
        return document._replace(data=loader.construct_document(node))
    except RecursionError:
        raise ConfigError(f"{path}: nested without end; does an alias (*) name what it stands in?") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{where}: not YAML: {getattr(error, 'problem', None) or error}") from None


def _measure(text: str, path: Path) -> None:
    """Refuse what is nested too deeply, before it is built: the loader in C would end the process."""
    depth = 0
    for event in yaml.parse(text, LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise ConfigError(f"{path}:{line}: nested more than {DEEPEST} deep")


def _walk(node: yaml.Node, path: KeyPath, document: Document) -> None:
    document.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*path, index), document)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            if inner in document.lines:
                document.problems.append(Problem(inner, f"is given twice, first in line {document.lines[inner]}"))
            document.lines[inner] = key.start_mark.line + 1
            _walk(value, inner, document)
