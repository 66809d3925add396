"""The template files beside this one, and the filters that every foreign text in them goes through."""

import functools
import html
from collections.abc import Callable
from importlib import resources
from typing import Any

from pipeline.cards import escape
from pipeline.handles import X_HANDLE


def render(name: str, **values: Any) -> str:
    """The template file `name`, filled; a value that is missing is an error."""
    return str(_environment().get_template(name).render(**values))


@functools.cache
def _environment() -> Any:
    import jinja2  # here and not above: who only checks or repairs a card needs it not

    # The output is Markdown, YAML and HTML by turns: each text is escaped by the rule of its place.
    environment = jinja2.Environment(  # noqa: S701
        loader=jinja2.FunctionLoader(_read),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= FILTERS
    environment.tests["xhandle"] = lambda handle: bool(X_HANDLE.fullmatch(handle))
    return environment


def _read(name: str) -> str:
    return resources.files("pipeline.cards").joinpath(name).read_text(encoding="utf-8")


FILTERS: dict[str, Callable[..., str]] = {
    "md": escape.markdown,
    "inline": escape.inline,
    "html": escape.html,
    "url": escape.url,
    "plain": escape.yaml_plain,
    "python": escape.python_text,
    "code": lambda literal: html.escape(literal, quote=False),
    "number": lambda value: f"{value:,}",
}
