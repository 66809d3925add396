from typing import Any

import pytest

from tests.helm import charts
from tests.helm.charts import BATCH, CHART, STORE, Chart

KEYS = {"batch": {"groups": ["a"]}}
IMPOSSIBLE = {
    "batch.once: there is nothing to submit": {"batch": {"once": True}},
    "tests.probe: the probe is a Pod like the batch's": {"tests": {"probe": True}},
    "serviceAccounts.jobs: create is false, so name": {"serviceAccounts": {"jobs": {"create": False}}},
    "serviceAccounts.submitter: create is false, so": {"serviceAccounts": {"submitter": {"create": False}}},
    "serviceAccounts: jobs must not have the submitter's": {
        "serviceAccounts": {"submitter": {"name": "a"}, "jobs": {"name": "a"}}
    },
    "store: existingSecret and workloadIdentity are two": {"store": {**STORE["store"], "workloadIdentity": True}},
    "store.address: a batch needs a store": KEYS,
    "store: name the Secret with its keys": {**KEYS, "store": {"address": "s3://b"}},
    "batch.posts: configMap and claim are two": {
        **STORE, "batch": {"groups": ["a"], "posts": {"configMap": "a", "claim": "b"}}
    },
    "submitter.maxInFlight: the rest is sent as others end": {**BATCH, "submitter": {"wait": False, "maxInFlight": 1}},
    "queue.clusterQueue: name the ClusterQueue": {"queue": {"create": True}},
    "rbac.kueue: a batch in a queue needs it": {
        "queue": {"create": True, "clusterQueue": "c"}, "rbac": {"kueue": False}
    },
    "cache: create and existingClaim are two": {"cache": {"create": True, "existingClaim": "c"}},
}  # fmt: skip


@pytest.mark.parametrize("says", IMPOSSIBLE)
def test_what_cannot_be_is_one_line_that_says_what_to_change(chart: Chart, says: str) -> None:
    assert says in chart.refusal(IMPOSSIBLE[says])


@pytest.mark.parametrize("key", ["image", "namespace", "service_account", "pull_policy"])
def test_what_the_chart_sets_is_not_set_twice(chart: Chart, key: str) -> None:
    values = {**BATCH, "batch": {"groups": ["a"], "defaults": {"kubernetes": {key: "Never"}}}}
    assert key in chart.refusal(values)  # the schema's
    assert f"batch.defaults.kubernetes.{key}: is the chart's; " in chart.refusal(values, "--skip-schema-validation")


@pytest.mark.parametrize(
    "values",
    [{"podMonitor": {"create": True}}, {"queue": {"create": True, "clusterQueue": "c"}}],
    ids=["monitor", "queue"],
)
def test_what_the_cluster_does_not_know_is_told(chart: Chart, values: Any) -> None:
    import json

    ran = charts.helm(chart.program, "template", "r", str(CHART), "-f", "-", given=json.dumps(values))
    assert "the cluster has no" in ran.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        {"foo": 1},
        {"image": {"tga": "1"}},
        {"image": {"digest": "sha256:1"}},
        {"serviceAccounts": {"jobs": {"nmae": "x"}}},
        {"store": {"address": "gs://b"}},
        {"store": {"bucket": "b"}},
        {"batch": {"defaults": {"trian": {}}}},
        {"batch": {"defaults": {"train": {"epochs": 0}}}},
        {"batch": {"defaults": {"tracker": {"mode": "sometimes"}}}},
        {"batch": {"defaults": {"kubernetes": {"queu": "x"}}}},
        {"batch": {"groups": [{"handles": ["a"], "trian": {}}]}},
        {"batch": {"groups": [{"train": {}}]}},
        {"schedule": {"cronn": ""}},
        {"submitter": {"resources": {"request": {}}}},
        {"submitter": {"securityContext": {"readOnlyRootFileSystem": True}}},
        {"submitter": {"podSecurityContext": {"runAsNonroot": True}}},
        {"submitter": {"tolerations": [{"keys": "x"}]}},
        {"submitter": {"env": {"A": {"secretRef": {}}}}},
        {"submitter": {"env": {"HTCTL_BATCH": "mine"}}},
        {"submitter": {"startDeadline": "soon"}},
        {"commonLabels": {"app.kubernetes.io/name": "x"}},
        {"networkPolicy": {"to": {"s3": {}}}},
        {"networkPolicy": {"to": {"store": {"ports": []}}}},
        {"networkPolicy": {"deniedMetadata": ["169.254.169.254"]}},
        {"networkPolicy": {"extraEgress": [{"from": []}]}},
        {"rbac": {"subjects": [{"name": "x"}]}},
        {"limitRange": {"limits": [{"max": {}}]}},
        {"cache": {"accessModes": ["RWX"]}},
    ],
    ids=str,
)
def test_values_that_nobody_knows_or_that_have_no_such_form_are_refused(chart: Chart, wrong: Any) -> None:
    assert "don't meet the specifications of the schema" in chart.refusal(wrong)


def test_helm_3_refuses_them_too(both: list[Chart]) -> None:
    for chart in both:
        assert "epcohs" in chart.refusal({"batch": {"defaults": {"train": {"epcohs": 1}}}})
        assert "foo" in chart.refusal({"foo": 1})
