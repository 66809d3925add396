"""What is made only if asked for."""

from typing import Any

import pytest

from tests.helm.charts import Chart

ALL = {
    "ResourceQuota": ({"quota": {"hard": {"pods": "5"}}}, {"hard": {"pods": "5"}}),
    "LimitRange": ({"limitRange": {"limits": [{"type": "Pod"}]}}, {"limits": [{"type": "Pod"}]}),
    "LocalQueue": ({"queue": {"create": True, "clusterQueue": "all"}}, {"clusterQueue": "all"}),
    "PersistentVolumeClaim": (
        {"cache": {"create": True, "size": "5Gi", "storageClass": "fast", "accessModes": ["ReadWriteOnce"]}},
        {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": "5Gi"}}},
    ),
    "PodMonitor": (
        {"podMonitor": {"create": True, "interval": "5s", "port": "m"}},
        {
            "selector": {"matchLabels": {"app.kubernetes.io/name": "htctl", "app.kubernetes.io/managed-by": "htctl"}},
            "podMetricsEndpoints": [{"port": "m", "interval": "5s"}],
        },
    ),
}


@pytest.mark.parametrize("kind", ALL)
def test_it_is_made_if_asked_for(chart: Chart, kind: str) -> None:
    values, spec = ALL[kind]
    assert chart.one(kind, values)["spec"] == spec
    assert not [found for found in chart.objects() if found["kind"] == kind]


def test_the_operator_s_labels_are_on_the_podmonitor(chart: Chart) -> None:
    values: Any = {"podMonitor": {"create": True, "labels": {"release": "prometheus"}}}
    assert chart.one("PodMonitor", values)["metadata"]["labels"]["release"] == "prometheus"


def test_a_queue_may_have_a_name_of_its_own(chart: Chart) -> None:
    values: Any = {"queue": {"create": True, "name": "bots", "clusterQueue": "all"}}
    assert chart.one("LocalQueue", values)["metadata"]["name"] == "bots"
