import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.helm import charts
from tests.helm.charts import CHART, FULL, Chart

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("values", ["values.yaml", "ci/full-values.yaml"])
def test_lint_finds_nothing(each_helm: str, values: str) -> None:
    for version in ("1.31.0", "1.37.0"):
        ran = charts.helm(
            each_helm, "lint", "--strict", f"--kube-version={version}", str(CHART), "-f", str(CHART / values)
        )
        told = [line for line in ran.stdout.splitlines() if line.startswith("[") and "icon" not in line]
        # lint has no --api-versions: that an operator is not there is the one thing that is told
        assert all("the cluster has no" in line for line in told), ran.stdout


def test_helm_3_and_4_render_the_same(both: list[Chart]) -> None:
    three, four = (chart.full() for chart in both)
    assert three == four


def test_the_image_s_default_tag_is_the_project_s_version() -> None:
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert about["appVersion"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_the_chart_s_version_is_in_its_changelog() -> None:
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert f"\n## {about['version']}\n" in (CHART / "CHANGELOG.md").read_text()


def test_a_chart_that_changed_since_its_release_has_another_version() -> None:
    """A tag `chart-VERSION` is a release."""
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
    changed = subprocess.run(
        ["git", "diff", "--quiet", f"chart-{version}", "--", str(CHART)], cwd=ROOT, capture_output=True
    )
    assert changed.returncode != 1, f"give the chart another version than {version}"


def test_what_is_packed_is_what_a_user_needs(chart: Chart, tmp_path: Path) -> None:
    ran = charts.helm(chart.program, "package", str(CHART), "-d", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    (packed,) = tmp_path.glob("*.tgz")
    listed = subprocess.run(["tar", "tzf", str(packed)], capture_output=True, text=True).stdout
    assert "htctl/values.schema.json" in listed
    assert "htctl/ci/" not in listed
    assert FULL.exists()
