import re
from pathlib import Path

import yaml

from helm import values

TEXT = """\
# A head.
a:
  # -- What b is
  # @schema name
  b: x
  c:
    # -- What d is
    d: [1]
e: {}
"""


def test_a_value_has_its_path_its_text_its_form_and_its_default(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text(TEXT)
    b, d = values.read(tmp_path / "values.yaml")
    assert (b.name, b.text, b.form, b.default) == ("a.b", "What b is", "name", "x")
    assert (d.name, d.form, d.default) == ("a.c.d", {}, [1])


def test_every_value_of_the_chart_is_documented() -> None:
    documented = {value.path for value in values.read()}
    data = yaml.safe_load(values.VALUES.read_text())
    alone = [
        ".".join(leaf) for leaf in values.leaves(data) if not any(leaf[: len(path)] == path for path in documented)
    ]
    assert alone == []


def test_no_comment_documents_nothing() -> None:
    assert len(re.findall("# -- ", values.VALUES.read_text())) == len(values.read())
