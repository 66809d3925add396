import jinja2
import pytest

from pipeline.cards import templates
from tests.pipeline.cards import runs


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="metadata"):
        templates.render("htctl.md.j2", **runs.facts())
