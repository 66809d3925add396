"""The chart as helm renders it: which helms there are, and objects from values."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[2] / "helm" / "htctl"
TEST_CLUSTER = Path("/var/tmp/kube-test/bin")  # where a test cluster on this machine keeps its programs
NAMES = ("helm", "helm3", "helm4")
FULL = CHART / "ci" / "full-values.yaml"
CUSTOM = ("kueue.x-k8s.io/v1beta1/LocalQueue", "monitoring.coreos.com/v1/PodMonitor")
STORE = {"store": {"address": "s3://bots/p", "existingSecret": "keys"}}
BATCH = {**STORE, "batch": {"groups": ["alice"], "defaults": {"base_model": "tiny"}}}

Object = dict[str, Any]


def programs() -> list[str]:
    """Every helm that can be found, on PATH or beside a test cluster's."""
    path = f"{os.environ['PATH']}:{TEST_CLUSTER}"
    return [found for name in NAMES if (found := shutil.which(name, path=path))]


def helm(
    program: str, *arguments: str, given: str = "", env: Mapping[str, str] = {}
) -> "subprocess.CompletedProcess[str]":
    """A command of helm's; `-f -` reads what is given."""
    return subprocess.run(
        [program, *arguments], input=given, capture_output=True, text=True, timeout=600, env={**os.environ, **env}
    )


class Chart:
    """The chart through one helm."""

    def __init__(self, program: str) -> None:
        self.program = program

    def run(self, values: Mapping[str, Any], *arguments: str, release: str = "r", namespace: str = "bots") -> Any:
        command = ["template", release, str(CHART), "-n", namespace, "-f", "-", *arguments]
        return helm(self.program, *command, *(f"--api-versions={kind}" for kind in CUSTOM), given=json.dumps(values))

    def text(self, values: Mapping[str, Any] = {}, *arguments: str, **where: str) -> str:
        ran = self.run(values, *arguments, **where)
        assert ran.returncode == 0, ran.stderr
        return str(ran.stdout)

    def objects(self, values: Mapping[str, Any] = {}, *arguments: str, **where: str) -> list[Object]:
        return [item for item in yaml.safe_load_all(self.text(values, *arguments, **where)) if item]

    def one(self, kind: str, values: Mapping[str, Any] = {}, name: str = "", *arguments: str) -> Object:
        """The object of a kind whose name ends so."""
        every = [item for item in self.objects(values, *arguments) if item["kind"] == kind]
        (found,) = (item for item in every if item["metadata"]["name"].endswith(name))
        return found

    def full(self, values: Mapping[str, Any] = {}, **where: str) -> list[Object]:
        """All that there can be."""
        return self.objects(values, "-f", str(FULL), **where)

    def refusal(self, values: Mapping[str, Any], *arguments: str) -> str:
        """What helm says of values that it does not take."""
        ran = self.run(values, *arguments)
        assert ran.returncode != 0, "these values are taken"
        return str(ran.stderr)


def pod(found: Object) -> Object:
    """The Pod's spec of a Pod, Job or CronJob."""
    spec = found["spec"]
    spec = spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec
    return dict(spec["template"]["spec"] if "template" in spec else spec)


def batch(chart: Chart, values: Mapping[str, Any], *arguments: str) -> Any:
    """The batch file that is submitted."""
    return json.loads(chart.one("ConfigMap", values, "-batch", *arguments)["data"]["bots.yaml"])
