"""The batch file that the chart makes, read by the one that reads batch files."""

from pathlib import Path
from typing import Any

import pytest

from htctl import batchfile
from htctl.batch import Batch
from k8s import manifests
from tests.helm import charts
from tests.helm.charts import BATCH, FULL, STORE, Chart


def read(chart: Chart, folder: Path, values: Any, *arguments: str) -> Batch:
    """As `htctl submit -f` reads it in the Pod; posts lie in the folder."""
    (folder / "bots.yaml").write_text(chart.one("ConfigMap", values, "-batch", *arguments)["data"]["bots.yaml"])
    for handle in ("alice", "bob", "carol"):
        (folder / f"{handle}.jsonl").write_text('{"text": "hello"}\n')
    return batchfile.load(folder / "bots.yaml", {})


def test_all_that_can_be_set_is_a_sound_batch(chart: Chart, tmp_path: Path) -> None:
    posts = {"batch": {"posts": {"folder": str(tmp_path)}}}
    batch = read(chart, tmp_path, posts, "-f", str(FULL), "-f", "-")
    assert [group.bot for group in batch.groups] == ["alice", "alice-bob", "carol"]
    assert batch.store == "s3://bots/night?region=eu-central-1"
    assert [group.settings.train.epochs for group in batch.groups] == [2, 2, 3]
    assert batch.groups[0].settings.train.seed == 4294967295
    assert batch.groups[0].posts == {"alice": tmp_path / "alice.jsonl"}
    run = batch.run_config(batch.groups[0], batch.store, {"alice": "0" * 64})
    assert (
        manifests.job(run, batch.groups[0].kubernetes)["spec"]["template"]["spec"]["serviceAccountName"]
        == "r-htctl-jobs"
    )


def test_jobs_get_image_account_queue_secrets_and_cache(chart: Chart) -> None:
    found = charts.batch(chart, {}, "-f", str(FULL))["defaults"]["kubernetes"]
    assert found["image"] == f"htctl@sha256:{'0' * 64}"
    assert (found["pull_policy"], found["pull_secrets"]) == ("Always", ["registry"])
    assert (found["service_account"], found["queue"]) == ("r-htctl-jobs", "r-htctl")
    assert found["env"]["AWS_SESSION_TOKEN"] == {"secretKeyRef": {"name": "htctl", "key": "TOKEN"}}
    assert found["env"]["WANDB_API_KEY"] == {"secretKeyRef": {"name": "wandb", "key": "WANDB_API_KEY"}}
    assert (found["env"]["HF_HOME"], found["env"]["NAME"]) == ("/cache/huggingface", "text")
    assert [volume["name"] for volume in found["volumes"]] == ["cache", "store-ca", "more"]


@pytest.mark.parametrize(
    ("given", "image"),
    [
        ({}, "htctl:0.1.0"),
        ({"repository": "r.example/h", "tag": "2"}, "r.example/h:2"),
        ({"tag": "2", "digest": f"sha256:{'a' * 64}"}, f"htctl@sha256:{'a' * 64}"),
    ],
)
def test_the_image_is_the_chart_s_a_tag_s_or_a_digest_s(chart: Chart, given: Any, image: str) -> None:
    assert charts.batch(chart, {**BATCH, "image": given})["defaults"]["kubernetes"]["image"] == image
    assert charts.pod(chart.one("CronJob", {**BATCH, "image": given}))["containers"][0]["image"] == image


def test_a_setting_of_the_values_wins_over_the_chart_s(chart: Chart) -> None:
    own = {"queue": "ours", "env": {"HF_HOME": "/x"}, "pull_secrets": ["b"], "pod": {"securityContext": {"fsGroup": 7}}}
    batch = {"groups": ["alice"], "defaults": {"kubernetes": own, "posts": "/elsewhere/{handle}"}}
    found = charts.batch(chart, {"batch": batch}, "-f", str(FULL), "-f", "-")["defaults"]
    assert found["posts"] == "/elsewhere/{handle}"
    assert (found["kubernetes"]["queue"], found["kubernetes"]["env"]["HF_HOME"]) == ("ours", "/x")
    assert found["kubernetes"]["pull_secrets"] == ["registry", "b"]
    assert found["kubernetes"]["pod"]["securityContext"]["fsGroup"] == 7


def test_with_workload_identity_no_secret_is_named(chart: Chart) -> None:
    values = {**BATCH, "store": {"address": "s3://b", "workloadIdentity": True}}
    assert "secretKeyRef" not in chart.text(values)


def test_keys_may_be_called_otherwise_in_their_secret(chart: Chart) -> None:
    values = {**BATCH, "store": {**STORE["store"], "accessKeyIdKey": "id", "secretAccessKeyKey": "secret"}}
    env = charts.batch(chart, values)["defaults"]["kubernetes"]["env"]
    assert env == {
        "AWS_ACCESS_KEY_ID": {"secretKeyRef": {"name": "keys", "key": "id"}},
        "AWS_SECRET_ACCESS_KEY": {"secretKeyRef": {"name": "keys", "key": "secret"}},
    }


def test_a_group_may_be_large_in_number(chart: Chart) -> None:
    groups = [f"handle_{number}" for number in range(10000)]
    values = {**BATCH, "batch": {"groups": groups}}
    assert len(charts.batch(chart, values)["groups"]) == 10000


def test_a_store_of_a_private_authority_is_trusted_by_all(chart: Chart) -> None:
    values = {**BATCH, "store": {**STORE["store"], "caConfigMap": "authority", "caKey": "our.crt"}}
    jobs, pod = charts.batch(chart, values)["defaults"]["kubernetes"], charts.pod(chart.one("CronJob", values))
    assert jobs["env"]["AWS_CA_BUNDLE"] == "/etc/htctl-store/our.crt"
    assert {"name": "store-ca", "mountPath": "/etc/htctl-store", "configMap": {"name": "authority"}} in jobs["volumes"]
    assert {"name": "AWS_CA_BUNDLE", "value": "/etc/htctl-store/our.crt"} in pod["containers"][0]["env"]
    assert {"name": "store-ca", "configMap": {"name": "authority"}} in pod["volumes"]
    mount = {"name": "store-ca", "mountPath": "/etc/htctl-store", "readOnly": True}
    assert mount in pod["containers"][0]["volumeMounts"]


def test_the_cache_is_the_group_s_unless_the_cluster_chooses_it(chart: Chart) -> None:
    values = {**BATCH, "cache": {"create": True}, "submitter": {"podSecurityContext": {"fsGroup": None}}}
    assert "pod" not in charts.batch(chart, values)["defaults"]["kubernetes"]
    del values["submitter"]
    assert charts.batch(chart, values)["defaults"]["kubernetes"]["pod"] == {"securityContext": {"fsGroup": 10001}}
