from typing import Any

import pytest

from k8s import settings
from k8s.settings import Kubernetes


def problems(data: Any, **options: Any) -> list[str]:
    return [str(problem) for problem in settings.check(data, **options)]


def test_layers_merge_with_the_higher_winning_and_named_things_by_name() -> None:
    found = settings.build(
        {"image": "a", "env": {"A": "1", "B": "1"}, "pod": {"containers": [{"name": "train", "tty": True}]}},
        {"env": {"B": "2"}, "pod": {"containers": [{"name": "train", "stdin": True}]}},
        {"image": "b"},
    )
    assert (found.image, found.env) == ("b", {"A": "1", "B": "2"})
    assert found.pod == {"containers": [{"name": "train", "tty": True, "stdin": True}]}
    assert found.backoff_limit == 3


def test_what_each_key_takes() -> None:
    sound = {
        "image": "registry.example:5000/htctl@sha256:abc", "pull_policy": "Never", "pull_secrets": ["registry"],
        "namespace": "bots", "service_account": "htctl-job", "secrets": ["htctl", "wandb"], "queue": "bots",
        "priority_class": "low", "node_selector": {"gpu.example/kind": "a100"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}], "affinity": {"nodeAffinity": {}},
        "env": {"HF_HUB_OFFLINE": "1", "KEY": {"secretKeyRef": {"name": "minio", "key": "secret"}}},
        "volumes": [{"name": "m", "mountPath": "/m", "readOnly": True, "hostPath": {"path": "/m"}}],
        "labels": {"team": "bots", "kueue.x-k8s.io/priority-class": "high"}, "annotations": {"why": "any text, really"},
        "backoff_limit": 0, "grace_seconds": 120, "keep_seconds": 0, "shared_memory": "8Gi",
        "pod": {"initContainers": [{"name": "log", "restartPolicy": "Always"}], "runtimeClassName": "nvidia"},
        "job": {"activeDeadlineSeconds": 3600, "suspend": True},
    }  # fmt: skip
    assert problems(sound) == []
    assert set(sound) == set(Kubernetes.__dataclass_fields__)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "must be a mapping, not a list"),
        ({"imgae": "x"}, "imgae: unknown key; did you mean 'image'?"),
        ({"image": "no spaces"}, "image: must be of the form"),
        ({"secrets": ["UPPER"]}, "secrets[0]: must be a name of a-z"),
        ({"secrets": "one"}, "secrets: must be a list, not 'one'"),
        ({"pull_policy": "always"}, "pull_policy: must be one of auto, Always, IfNotPresent, Never, not 'always'"),
        ({"keep_seconds": -1}, "keep_seconds: must be between 0 and 31536000, not -1"),
        ({"labels": {"a": "no spaces"}}, "labels.a: must be at most 63 of letters"),
        ({"labels": {"a b": "x"}}, "labels.a b: is not a key that Kubernetes takes"),
        ({"labels": {"htctl.dev/batch": "x"}}, "labels.htctl.dev/batch: is htctl's own; take another key"),
        ({"annotations": {"app.kubernetes.io/name": "x"}}, "annotations.app.kubernetes.io/name: is htctl's own"),
        ({"labels": {"kueue.x-k8s.io/queue-name": "q"}}, "is Kueue's; write kubernetes.queue"),
        ({"labels": {"a": 1}}, "labels.a: must be text, not '1'"),
        ({"env": {"A": 1}}, "env.A: must be text, not '1'; put quotes around it"),
        ({"env": {"A B": "1"}}, "env.A B: is not a name of an environment variable"),
        ({"env": {"HTCTL_RUN": "{}"}}, "env.HTCTL_RUN: is set by htctl"),
        ({"env": {"X_BEARER_TOKEN": "A"}}, "env.X_BEARER_TOKEN: is a secret, and would stand in every"),
        ({"env": {"MASTER_ADDR": "x"}}, "env.MASTER_ADDR: is set by htctl"),
        ({"env": {"A": {"secret": "x"}}}, "env.A: must be text, or one of secretKeyRef"),
        ({"volumes": [{"name": "a", "emptyDir": {}}]}, "volumes[0]: mountPath: is missing"),
        ({"volumes": [{"name": "a", "mountPath": "/a"}]}, "volumes[0]: must have one source such as"),
        ({"volumes": ["a"]}, "volumes[0]: must be a mapping with name, mountPath"),
        ({"pod": {"restartPolicy": "Always"}}, "pod.restartPolicy: cannot be changed here: a failed Pod is"),
        ({"job": {"backoffLimit": 9}}, "job.backoffLimit: cannot be changed here: write kubernetes.backoff_limit"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_path(data: Any, says: str) -> None:
    assert any(problem.startswith(says) or says in problem for problem in problems(data)), problems(data)


def test_the_namespace_is_the_whole_batch_s() -> None:
    assert problems({"namespace": "a"}) == []
    assert problems({"namespace": "a"}, in_group=True) == ["namespace: is the whole batch's; write it under defaults"]


def test_a_folder_in_a_mounted_volume_is_seen() -> None:
    volume = {"name": "models", "mountPath": "/models", "emptyDir": {}}
    mount = {"name": "train", "volumeMounts": [{"name": "x", "mountPath": "/data"}]}
    found = settings.build({"volumes": [volume], "pod": {"containers": [mount]}})
    assert [found.sees(path) for path in ("/models", "/models/gpt2", "/modelsmore", "/data/bots", "/tmp")] == [
        True, True, False, True, False,
    ]  # fmt: skip


def test_a_base_model_may_be_the_image_s_own_but_a_store_not() -> None:
    found = settings.build({"image": "i"})
    assert [found.has_model(path) for path in ("/opt/models/gpt2", "/opt/modelsmore", "/models/gpt2")] == [
        True, False, False,
    ]  # fmt: skip
    assert not found.sees("/opt/models/gpt2")
