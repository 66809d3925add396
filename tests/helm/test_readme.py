import re
from typing import Any

import yaml

from helm import readme, values
from tests.helm.charts import Chart


def test_the_readme_is_what_the_values_say() -> None:
    assert readme.OUT.read_text() == readme.text(), "make chart"


def test_every_value_has_a_row_with_its_default() -> None:
    said = readme.text()
    for value in values.read():
        assert f"| `{value.name}` | `" in said
    assert '| `cache.size` | `"20Gi"` | How large |' in said


def test_a_bar_in_a_cell_is_escaped() -> None:
    assert readme._cell("a|b") == "a\\|b"


def test_the_example_can_be_installed(chart: Chart) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", readme.text(), re.DOTALL)
    given: dict[str, Any] = yaml.safe_load(example)
    assert chart.one("CronJob", given)["spec"]["timeZone"] == "Europe/Berlin"
