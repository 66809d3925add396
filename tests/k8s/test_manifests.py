import json
import os
from pathlib import Path
from typing import Any

import pytest

from htctl import yamltext
from k8s import manifests, names, settings
from k8s.manifests import Manifest
from pipeline import errors
from tests import factories

GOLDEN = Path(__file__).with_name("golden")
PLAIN = {"image": "registry.example/htctl:1"}
APART = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"team": "other"}}}
FULL = {
    **PLAIN,
    "pull_policy": "IfNotPresent",
    "pull_secrets": ["registry"],
    "namespace": "bots",
    "service_account": "htctl-job",
    "secrets": ["htctl"],
    "queue": "bots",
    "priority_class": "low",
    "node_selector": {"gpu": "a100"},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [APART]}},
    "env": {"HF_HUB_OFFLINE": "1", "WANDB_API_KEY": {"secretKeyRef": {"name": "wandb", "key": "key"}}},
    "volumes": [
        {"name": "models", "mountPath": "/models", "readOnly": True, "persistentVolumeClaim": {"claimName": "m"}}
    ],
    "labels": {"team": "bots"},
    "annotations": {"why": "nightly"},
    "pod": {"runtimeClassName": "nvidia", "containers": [{"name": "train", "resources": {"limits": {"cpu": "8"}}}]},
    "job": {"activeDeadlineSeconds": 86400},
}


def job(given: Any = PLAIN, **changes: Any) -> Manifest:
    return manifests.job(factories.run_config(**changes), settings.build(given))


def pod(given: Any = PLAIN, **changes: Any) -> Manifest:
    return dict(job(given, **changes)["spec"]["template"]["spec"])


def container(given: Any = PLAIN, **changes: Any) -> Manifest:
    return dict(pod(given, **changes)["containers"][0])


def variables(given: Any = PLAIN, **changes: Any) -> dict[str, Any]:
    return {v["name"]: v.get("value", v.get("valueFrom")) for v in container(given, **changes)["env"]}


@pytest.mark.parametrize(
    ("name", "given", "changes"),
    [
        ("plain", PLAIN, {"store": "s3://bots/prefix", "posts": {"alice": "0" * 64}}),
        ("full", FULL, {"store": "s3://bots/prefix", "handles": ["h_ototake", "hirox246", "ochyai"]}),
        ("nodes", PLAIN, {"store": "s3://bots/prefix", "resources": {"nodes": 2, "gpus": 8}, "base_model": "org/xl"}),
    ],
)
def test_what_is_sent_to_the_letter(name: str, given: dict[str, Any], changes: dict[str, Any]) -> None:
    """After a change that is meant: HTCTL_GOLDEN=write pytest tests/k8s, and read the difference."""
    text = yamltext.documents(manifests.objects([(factories.run_config(**changes), settings.build(given))]))
    path = GOLDEN / f"{name}.yaml"
    if os.environ.get("HTCTL_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_eviction_is_looked_at_before_any_exit_code() -> None:
    eviction, again, fail = job()["spec"]["podFailurePolicy"]["rules"]
    assert (eviction["action"], eviction["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")
    assert (again["action"], again["onExitCodes"]["values"]) == ("Ignore", [75])
    assert (fail["action"], fail["onExitCodes"]["values"]) == ("FailJob", [64, 65, 66, 67, 68, 69, 77])
    assert {rule["onExitCodes"]["containerName"] for rule in (again, fail)} == {container()["name"]}


def test_every_exit_code_of_the_contract_has_its_rule() -> None:
    codes = {error.exit_code for error in errors.HtctlError.__subclasses__()} - {errors.HtctlError.exit_code}
    assert codes <= {manifests.TRY_AGAIN, *manifests.GIVE_UP}


def test_the_run_travels_in_the_environment_whole() -> None:
    config = factories.run_config(generate={"prompt": "costs $(HOME) $$5 $(HTCTL_POD)"}, handles=["日本"])
    value = manifests.job(config, settings.build(PLAIN))["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"]
    assert "$" not in value  # Kubernetes would put a variable's value there
    assert json.loads(value) == json.loads(config.to_json())


def test_what_is_laid_over_does_not_decide_the_bot() -> None:
    plain, full = job(), job(FULL)
    assert plain["metadata"]["name"] == full["metadata"]["name"]
    assert variables()["HTCTL_RUN"] == variables(FULL)["HTCTL_RUN"]
    assert plain["metadata"]["labels"]["htctl.dev/config"] == full["metadata"]["labels"]["htctl.dev/config"]


def test_secrets_are_only_named() -> None:
    assert container(FULL)["envFrom"] == [{"secretRef": {"name": "htctl"}}]
    assert "envFrom" not in container()


def test_gpus_and_memory_are_limits_and_cpus_are_not() -> None:
    assert container(resources={"gpus": 2, "cpu": 8, "memory": "32Gi"})["resources"] == {
        "requests": {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": "2"},
        "limits": {"memory": "32Gi", "nvidia.com/gpu": "2"},
    }
    assert "nvidia.com/gpu" not in container(resources={"gpus": 0})["resources"]["limits"]


def test_threads_are_those_that_were_asked_for() -> None:
    assert variables(base_model="org/gpt2", resources={"gpus": 2, "cpu": 8})["OMP_NUM_THREADS"] == "4"
    assert variables(base_model="org/gpt2", resources={"gpus": 8, "cpu": 4})["OMP_NUM_THREADS"] == "1"
    several = {"gpus": 0, "processes": 2, "cpu": 8}
    assert variables(base_model="org/gpt2", resources=several)["OMP_NUM_THREADS"] == "4"
    assert "OMP_NUM_THREADS" not in variables(base_model="tiny")


def test_a_queue_is_one_label_and_on_the_job_alone() -> None:
    queued = job({**PLAIN, "queue": "bots"})
    assert queued["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "bots"
    assert "kueue.x-k8s.io/queue-name" not in queued["spec"]["template"]["metadata"]["labels"]
    assert "suspend" not in queued["spec"]
    assert not any(key.startswith("kueue") for key in job()["metadata"]["labels"])


def test_nodes_find_each_other_by_one_shared_service() -> None:
    several = factories.run_config(handles=["alice"], resources={"nodes": 4, "gpus": 2})
    other = factories.run_config(handles=["bob"], resources={"nodes": 2})
    single = factories.run_config(handles=["carol"])
    found = list(manifests.objects([(config, settings.build(PLAIN)) for config in (single, several, other)]))
    assert [item["kind"] for item in found] == ["Job", "Service", "Job", "Job"]
    service, indexed = found[1], found[2]
    assert (service["spec"]["clusterIP"], service["spec"]["publishNotReadyAddresses"]) == ("None", True)
    template = indexed["spec"]["template"]
    assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
    assert template["spec"]["subdomain"] == service["metadata"]["name"]
    assert [indexed["spec"][key] for key in ("completionMode", "completions", "parallelism")] == ["Indexed", 4, 4]
    env = {v["name"]: v.get("value") for v in template["spec"]["containers"][0]["env"]}
    assert env["MASTER_ADDR"] == f"{indexed['metadata']['name']}-0.{service['metadata']['name']}"
    assert (env["PET_NNODES"], env["PET_NPROC_PER_NODE"]) == ("4", "2")
    assert "MASTER_ADDR" not in variables()


def test_the_reserved_variables_are_those_that_are_set() -> None:
    set_here = set(variables(resources={"nodes": 2}))
    assert {*set_here, "HTCTL_SCRAPE"} == set(names.RESERVED_ENV)


def test_the_container_can_write_to_tmp_and_shared_memory_alone() -> None:
    assert container()["securityContext"]["readOnlyRootFilesystem"] is True
    assert [mount["mountPath"] for mount in container()["volumeMounts"]] == ["/tmp", "/dev/shm"]
    assert pod({**PLAIN, "shared_memory": "8Gi"})["volumes"][1]["emptyDir"] == {"medium": "Memory", "sizeLimit": "8Gi"}


def test_own_labels_win_over_given_ones() -> None:
    given = settings.build({**PLAIN, "labels": {"htctl.dev/batch": "other", "team": "bots"}})
    found = manifests.job(factories.run_config(batch="mine"), given)
    for labels in (found["metadata"]["labels"], found["spec"]["template"]["metadata"]["labels"]):
        assert (labels["htctl.dev/batch"], labels["team"]) == ("mine", "bots")


def test_what_runs_have_in_common_is_shared_and_nothing_else() -> None:
    given = settings.build(PLAIN)
    changes: list[dict[str, Any]] = [
        {"handles": ["alice"]},
        {"handles": ["bob"]},
        {"handles": ["carol"], "resources": {"gpus": 2}},
        {"handles": ["dave"], "base_model": "org/xl"},
        {"handles": ["erin"], "resources": {"nodes": 2}},
        {"handles": ["frank"], "resources": {"nodes": 2}},
    ]
    runs = [(factories.run_config(**each), given) for each in changes]
    runs.append((runs[0][0], settings.build({**PLAIN, "queue": "bots"})))
    found = [each for each in manifests.objects(runs) if each["kind"] == "Job"]
    assert found == [manifests.job(*run) for run in runs]
    pods = [each["spec"]["template"]["spec"] for each in found]
    assert pods[0]["volumes"] is pods[1]["volumes"]
