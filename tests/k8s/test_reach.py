from typing import Any

import pytest

from k8s import reach, settings

MOUNTED = {"image": "i", "volumes": [{"name": "d", "mountPath": "/data", "hostPath": {"path": "/data"}}]}


def problems(given: Any = None, store: str = "s3://bots/prefix", base_model: str = "tiny") -> list[str]:
    found = reach.out_of_reach(store, base_model, settings.build(given or {"image": "i"}))
    return [str(problem) for problem in found]


def test_a_bucket_and_a_hub_id_are_in_reach() -> None:
    assert problems(base_model="openai-community/gpt2") == []
    assert problems(store="s3://bots/prefix?endpoint=http://minio.minio:9000") == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_this_machine_s_own_address_is_another_in_a_pod(host: str) -> None:
    (problem,) = problems(store=f"s3://bots/prefix?endpoint=http://{host}:9000&region=us-east-1")
    assert "give the address that Pods reach" in problem


def test_a_folder_is_in_reach_where_a_volume_is_mounted() -> None:
    (problem,) = problems(store="/home/me/bots")
    assert problem.startswith("store: /home/me/bots is a folder of this machine; give s3://BUCKET/PREFIX (--store)")
    (problem,) = problems(base_model="/home/me/gpt2")
    assert problem.startswith("base_model: /home/me/gpt2 is a folder of this machine; give a hub id")
    assert problems(MOUNTED, store="/data/bots", base_model="/data/gpt2") == []


def test_the_image_s_own_base_models_are_in_reach() -> None:
    assert problems(base_model="/opt/models/gpt2") == []
    (problem,) = problems(store="/opt/models/bots")
    assert problem.startswith("store: /opt/models/bots is a folder of this machine")


def test_an_image_is_needed() -> None:
    (problem,) = problems({"queue": "q"})
    assert problem.startswith("kubernetes.image: is missing")
