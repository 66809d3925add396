"""The chart installed into a namespace of its own that enforces `restricted`, beside a store that its Pods reach."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from k8s import names
from k8s.cluster import CORE, KubernetesCluster
from k8s.connection import Connection
from k8s.manifests import Manifest
from tests import factories
from tests.cluster import scene
from tests.helm import charts

BATCH, RBAC = "/apis/batch/v1/namespaces/{}", "/apis/rbac.authorization.k8s.io/v1/namespaces/{}"
POLICY, CORE_OF = "/apis/networking.k8s.io/v1/namespaces/{}", "/api/v1/namespaces/{}"
POSTS = "posts"
# Where objects of the chart lie: every kind that it makes here.
PLACES = [
    *(f"{CORE_OF}/{plural}" for plural in ("serviceaccounts", "services", "configmaps", "resourcequotas", "pods")),
    *(f"{BATCH}/{plural}" for plural in ("jobs", "cronjobs")),
    *(f"{RBAC}/{plural}" for plural in ("roles", "rolebindings")),
    f"{POLICY}/networkpolicies",
]
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@dataclass
class Release:
    """One release: what helm is asked of it, and what the cluster has of it."""

    asked: Connection
    image: str
    store: str
    program: str
    home: Path
    name: str = "night"
    chart: Path = charts.CHART
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        return self.asked.namespace

    @property
    def cluster(self) -> KubernetesCluster:
        return KubernetesCluster(self.asked, self.namespace)

    def helm(self, *arguments: str, well: bool = True) -> str:
        """A command of helm's about this release; its output."""
        own = {f"HELM_{kind}_HOME": str(self.home / kind) for kind in ("CACHE", "CONFIG", "DATA")}
        ran = charts.helm(self.program, *arguments, "-n", self.namespace, given=json.dumps(self.values), env=own)
        assert (ran.returncode == 0) == well, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    def put(self, verb: str = "install", *arguments: str) -> str:
        """Install or upgrade with the values."""
        return self.helm(verb, self.name, str(self.chart), "-f", "-", *arguments)

    def objects(self) -> set[tuple[str, str]]:
        """All that the release has in the cluster, by kind and name."""
        found = set()
        for place in PLACES:
            query = {"labelSelector": f"app.kubernetes.io/instance={self.name}"}
            listed = self.asked.ask("GET", place.format(self.namespace), query)["items"]
            found |= {(place.rpartition("/")[2], item["metadata"]["name"]) for item in listed}
        return found

    def fire(self, job: str) -> Manifest:
        """As `kubectl create job --from=cronjob/...` does."""
        cron = self.asked.ask("GET", f"{BATCH.format(self.namespace)}/cronjobs/{self.name}-htctl")
        owner = {"apiVersion": "batch/v1", "kind": "CronJob", "controller": True}
        owner |= {key: cron["metadata"][key] for key in ("name", "uid")}
        template = cron["spec"]["jobTemplate"]
        about = {**template["metadata"], "name": job, "ownerReferences": [owner]}
        body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": about, "spec": template["spec"]}
        return self.asked.ask("POST", f"{BATCH.format(self.namespace)}/jobs", body=body)

    def ended(self, job: str) -> str:
        """Complete or Failed; empty while a Job is neither."""
        for condition in self.cluster.get("Job", job)["status"].get("conditions", []):
            if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
                return str(condition["type"])
        return ""

    def log(self, job: str) -> str:
        """What the Pods of a Job have printed."""
        pods = self.cluster.list("Pod", f"{names.JOB}={job}").items
        return "\n".join(line for pod in pods for line in self.cluster.logs(pod["metadata"]["name"], "htctl"))

    def give_posts(self, posts: Mapping[str, list[str]], folder: Path) -> None:
        """Have the ConfigMap hold these posts."""
        data = {
            f"{name}.jsonl": factories.write_posts(folder / name, texts).read_text() for name, texts in posts.items()
        }
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": POSTS}, "data": data}
        path = f"{CORE.format(namespace=self.namespace)}/configmaps"
        there = [item["metadata"]["name"] for item in self.asked.ask("GET", path)["items"]]
        self.asked.ask(*(("PUT", f"{path}/{POSTS}") if POSTS in there else ("POST", path)), body=body)


def values(image: str, store: str, **more: Any) -> dict[str, Any]:
    """Of a release whose batch takes seconds; `more` lies over it."""
    repository, _, tag = image.rpartition(":")
    small = {"resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}}}
    return {
        "image": {"repository": repository, "tag": tag},
        "store": {"address": store, "existingSecret": scene.SECRET},
        "submitter": small,
        "schedule": {"cron": "0 0 29 2 *"},
        **more,
    }


def needs_helm() -> list[str]:
    """Every helm; the test is skipped where there is none."""
    found = charts.programs()
    scene.needs(found, "there is no helm on PATH")
    return found


def kubectl(*arguments: str, given: str) -> str:
    """A command of kubectl's; the test is skipped where there is none."""
    program = shutil.which("kubectl", path=f"{os.environ['PATH']}:{charts.TEST_CLUSTER}")
    if program is None:
        pytest.skip("there is no kubectl on PATH")
    ran = subprocess.run([program, *arguments], input=given, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
