"""The helms that are found here; tests of the chart are skipped where there is none."""

import subprocess

import pytest

from tests.helm import charts
from tests.helm.charts import Chart


def _found() -> list[str]:
    return charts.programs() or [""]


@pytest.fixture(scope="session", params=_found(), ids=lambda program: program.rpartition("/")[2] or "none")
def each_helm(request: pytest.FixtureRequest) -> str:
    """One helm after the other."""
    if not request.param:
        pytest.skip("there is no helm on PATH")
    return str(request.param)


@pytest.fixture(scope="session")
def chart() -> Chart:
    """The chart through the first helm."""
    found = charts.programs()
    if not found:
        pytest.skip("there is no helm on PATH")
    return Chart(found[0])


@pytest.fixture(scope="session")
def both() -> list[Chart]:
    """The chart through helm 3 and 4."""
    found = {major(program): Chart(program) for program in charts.programs()}
    if found.keys() < {3, 4}:
        pytest.skip("helm 3 and helm 4 are not both on PATH")
    return [found[3], found[4]]


def major(program: str) -> int:
    said = subprocess.run([program, "version", "--short"], capture_output=True, text=True).stdout
    return int(said.lstrip("v").partition(".")[0])
