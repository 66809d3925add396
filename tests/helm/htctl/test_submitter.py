"""The CronJob, the one Job and the test's Pod: what they run, and as whom."""

from typing import Any

import pytest

from tests.helm import charts
from tests.helm.charts import BATCH, STORE, Chart, Object, pod

KINDS = ("CronJob", "Job", "Pod")
SUBMIT = ["htctl", "submit", "-f", "/etc/htctl/bots.yaml", "--batch", "$(HTCTL_BATCH)"]


def container(found: Object) -> Object:
    (one,) = pod(found)["containers"]
    return dict(one)


def job(chart: Chart, values: Any) -> Object:
    return chart.one("Job", {**BATCH, **values, "batch": {**BATCH["batch"], **values.get("batch", {}), "once": True}})


def test_a_cronjob_submits_under_its_job_s_name_and_waits_for_the_batch(chart: Chart) -> None:
    found = chart.one("CronJob", BATCH)
    assert found["spec"]["concurrencyPolicy"] == "Forbid"
    assert container(found)["args"] == [*SUBMIT, "--wait", "--start-deadline", "10m"]
    (name,) = (each for each in container(found)["env"] if each["name"] == "HTCTL_BATCH")
    assert name["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.labels['batch.kubernetes.io/job-name']"}}


def test_how_it_submits_can_be_set(chart: Chart) -> None:
    given = {"wait": True, "startDeadline": "1h", "maxInFlight": 20}
    args = container(chart.one("CronJob", {**BATCH, "submitter": given}))["args"]
    assert args == [*SUBMIT, "--wait", "--start-deadline", "1h", "--max-in-flight", "20"]
    assert container(chart.one("CronJob", {**BATCH, "submitter": {"wait": False}}))["args"] == SUBMIT
    first = container(chart.one("CronJob", {**BATCH, "submitter": {"wait": False, "scrapeFirst": True}}))
    assert first["args"] == [*SUBMIT, "--scrape-first"]


def test_a_wrong_batch_is_not_tried_again_and_a_drained_node_is_no_failure(chart: Chart) -> None:
    spec = chart.one("CronJob", BATCH)["spec"]["jobTemplate"]["spec"]
    assert spec["podFailurePolicy"]["rules"] == [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {"containerName": "htctl", "operator": "In", "values": [2]}},
    ]
    assert pod(chart.one("CronJob", BATCH))["restartPolicy"] == "Never"


def test_no_groups_no_cronjob_and_no_batch(chart: Chart) -> None:
    assert not {found["kind"] for found in chart.objects(STORE)} & {"CronJob", "Job", "ConfigMap"}
    assert not [
        found for found in chart.objects({**BATCH, "schedule": {"enabled": False}}) if found["kind"] == "CronJob"
    ]


def test_the_one_job_has_another_name_for_another_batch_and_only_then(chart: Chart) -> None:
    before = job(chart, {})["metadata"]["name"]
    assert job(chart, {"quota": {"hard": {"pods": "5"}}, "commonLabels": {"a": "b"}})["metadata"]["name"] == before
    assert job(chart, {"batch": {"groups": ["bob"]}})["metadata"]["name"] != before
    assert job(chart, {"image": {"tag": "2"}})["metadata"]["name"] != before
    assert "helm.sh/hook" not in str(job(chart, {}))


def test_the_test_runs_doctor_as_who_submits(chart: Chart) -> None:
    found = chart.one("Pod", BATCH)
    assert found["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert container(found)["args"] == ["htctl", "doctor", "-f", "/etc/htctl/bots.yaml"]
    assert pod(found)["serviceAccountName"] == pod(chart.one("CronJob", BATCH))["serviceAccountName"]
    probing = chart.one("Pod", {**BATCH, "tests": {"probe": True, "probeDeadline": "9m"}})
    assert container(probing)["args"][-3:] == ["--probe", "--probe-deadline", "9m"]


def test_without_a_batch_the_test_is_of_the_store_and_without_one_there_is_none(chart: Chart) -> None:
    assert container(chart.one("Pod", STORE))["args"] == ["htctl", "doctor", "--store", "s3://bots/p"]
    assert not [found for found in chart.objects() if found["kind"] == "Pod"]


@pytest.mark.parametrize("kind", KINDS)
def test_its_pods_are_what_restricted_demands(chart: Chart, kind: str) -> None:
    (found,) = (each for each in chart.full() if each["kind"] == kind)
    of_pod, own = pod(found)["securityContext"], container(found)["securityContext"]
    assert (of_pod["runAsNonRoot"], of_pod["runAsUser"]) == (True, 10001)
    assert of_pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert (own["allowPrivilegeEscalation"], own["readOnlyRootFilesystem"]) == (False, True)
    assert own["capabilities"] == {"drop": ["ALL"]}
    kinds = {source for volume in pod(found)["volumes"] for source in volume if source != "name"}
    assert kinds <= {"emptyDir", "projected", "configMap", "persistentVolumeClaim"}


def test_its_token_is_for_an_hour_and_mounted_by_itself(chart: Chart) -> None:
    found = pod(chart.one("CronJob", BATCH))
    assert found["automountServiceAccountToken"] is False
    (token,) = (volume["projected"]["sources"] for volume in found["volumes"] if volume["name"] == "token")
    assert token[0] == {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}
    (path,) = (m["mountPath"] for m in found["containers"][0]["volumeMounts"] if m["name"] == "token")
    assert path == "/var/run/secrets/kubernetes.io/serviceaccount"


@pytest.mark.parametrize("kind", KINDS)
def test_both_security_contexts_can_be_set(chart: Chart, kind: str) -> None:
    given = {
        "podSecurityContext": {"runAsUser": None, "fsGroup": 7},
        "securityContext": {"readOnlyRootFilesystem": False},
    }
    values = {**BATCH, "batch": {**BATCH["batch"], "once": True}, "submitter": given}
    found = chart.one(kind, values)
    assert "runAsUser" not in pod(found)["securityContext"]
    assert pod(found)["securityContext"]["fsGroup"] == 7
    assert container(found)["securityContext"]["readOnlyRootFilesystem"] is False


def test_where_and_with_what_it_runs_can_be_set(chart: Chart) -> None:
    given = {
        "nodeSelector": {"pool": "small"},
        "tolerations": [{"key": "x", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "low",
        "env": {"A": "b", "C": {"secretKeyRef": {"name": "s", "key": "k"}}},
    }
    found = pod(chart.one("CronJob", {**BATCH, "submitter": given}))
    for key in ("nodeSelector", "tolerations", "affinity", "priorityClassName"):
        assert found[key] == given[key]
    env = {each["name"]: each.get("value") or each["valueFrom"] for each in found["containers"][0]["env"]}
    assert (env["A"], env["C"]) == ("b", {"secretKeyRef": {"name": "s", "key": "k"}})
    assert env["AWS_ACCESS_KEY_ID"] == {"secretKeyRef": {"name": "keys", "key": "AWS_ACCESS_KEY_ID"}}


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ({"configMap": "p"}, {"configMap": {"name": "p"}}),
        ({"claim": "p"}, {"persistentVolumeClaim": {"claimName": "p", "readOnly": True}}),
    ],
)
def test_posts_are_where_the_batch_file_says(chart: Chart, given: Any, source: Any) -> None:
    values = {**BATCH, "batch": {"groups": ["alice"], "posts": {**given, "folder": "/here"}}}
    found = pod(chart.one("CronJob", values))
    assert {"name": "posts", **source} in found["volumes"]
    assert {"name": "posts", "mountPath": "/here", "readOnly": True} in found["containers"][0]["volumeMounts"]
    assert charts.batch(chart, values)["defaults"]["posts"] == "/here/{handle}.jsonl"
