"""Other people's linters on the chart, the Dockerfile and the workflows; `make linters` installs them, else skipped."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.helm.charts import FULL, Chart

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted(str(path) for path in (ROOT / ".github" / "workflows").glob("*.yml"))
NIGHT: dict[str, Any] = {
    "store": {"address": "s3://b/p", "existingSecret": "s"},
    "batch": {"groups": ["a"]},
    "image": {"digest": f"sha256:{'0' * 64}"},  # checkov wants one; it is known only when the image is pushed
}
OLDEST, NEWEST = "1.31", "1.37"
CUSTOM = 2  # kinds that are no part of Kubernetes: LocalQueue, PodMonitor

pytestmark = pytest.mark.slow


def lint(program: str, *arguments: str) -> str:
    """What a linter says of what it finds nothing wrong with."""
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program} on PATH")
    ran = subprocess.run(
        [program, *arguments], capture_output=True, text=True, cwd=ROOT, env={**os.environ, "LOG_LEVEL": "ERROR"}
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


@pytest.fixture(params=["plain", "night", "full"])
def rendered(request: pytest.FixtureRequest, chart: Chart, tmp_path: Path) -> Path:
    """The chart with no values, with a batch, and with all there is."""
    given = {"plain": ({},), "night": (NIGHT,), "full": ({}, "-f", str(FULL))}[request.param]
    (tmp_path / "all.yaml").write_text(chart.text(*given))
    return tmp_path / "all.yaml"


def test_checkov_on_the_chart(rendered: Path) -> None:
    said = lint("checkov", "--config-file", ".checkov.yaml", "--framework", "kubernetes", "-f", str(rendered))
    assert "Failed checks: 0, Skipped checks: 0" in said  # skips are in its configuration, with their reasons


def test_checkov_on_the_dockerfile() -> None:
    lint("checkov", "--config-file", ".checkov.yaml", "--framework", "dockerfile", "-f", "Dockerfile")


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_field_is_one_of_kubernetes(rendered: Path, version: str) -> None:
    said = lint("kubernetes-validate", "--strict", "-k", version, str(rendered))
    assert said.count("Couldn't find schema") in (0, CUSTOM), said


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_field_of_what_is_submitted_is_one_of_kubernetes(version: str) -> None:
    sent = sorted(str(path) for path in (ROOT / "tests" / "k8s" / "golden").glob("*.yaml"))
    assert lint("kubernetes-validate", "--strict", "-k", version, *sent).count(" passed ") > len(sent)


def test_rendered_yaml_is_clean(rendered: Path) -> None:
    """Helm's own comments and blank lines are helm's."""
    rules = "{extends: default, rules: {document-start: disable, line-length: disable, empty-lines: disable, "
    rules += "indentation: disable, braces: disable, commas: disable, brackets: disable, quoted-strings: disable}}"
    lint("yamllint", "-s", "-d", rules, str(rendered))


def test_yamllint() -> None:
    lint("yamllint", "-s", "helm", "examples", ".github", ".checkov.yaml", ".yamllint.yaml")


def test_hadolint() -> None:
    lint("hadolint", "Dockerfile")


def test_shellcheck() -> None:
    scripts = [f"bench/image/{name}" for name in ("run", "inside", "start")]
    lint("shellcheck", ".ci/run", "docker/build", "docker/base", "requirements/lock", *scripts)


def test_actionlint() -> None:
    lint("actionlint", *WORKFLOWS)


def test_zizmor() -> None:
    lint("zizmor", "--offline", "--persona", "pedantic", *WORKFLOWS)


def test_every_action_is_pinned_by_its_commit() -> None:
    for path in WORKFLOWS:
        for line in Path(path).read_text().splitlines():
            if "uses: " in line:
                _, _, commit = line.partition("@")
                assert len(commit.split(" ")[0]) == 40, line
