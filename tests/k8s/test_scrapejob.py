import os
from pathlib import Path
from typing import Any

import pytest

from htctl import yamltext
from k8s import names, scrapejob, settings
from k8s.manifests import Manifest
from pipeline.errors import ConfigError
from pipeline.order import Order
from pipeline.settings import Scrape
from tests.k8s.test_manifests import FULL, PLAIN

ORDER = Order("s3://bots/prefix", {"x": ("alice", "bob"), "bluesky": ("carol.example",)}, Scrape(post_price=0.01))


def job(*given: Any, order: Order = ORDER, batch: str = "night") -> Manifest:
    return scrapejob.job(batch, order, [settings.build(each) for each in given or (PLAIN,)], 24.0)


def container(found: Manifest) -> dict[str, Any]:
    return dict(found["spec"]["template"]["spec"]["containers"][0])


def test_what_is_sent_to_the_letter() -> None:
    """After a change that is meant: HTCTL_GOLDEN=write pytest tests/k8s, and read the difference."""
    path = Path(__file__).with_name("golden") / "scrape.yaml"
    text = yamltext.documents([job(FULL)])
    if os.environ.get("HTCTL_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_it_holds_no_gpu_and_goes_to_no_node_for_them() -> None:
    found = job({**PLAIN, "node_selector": {"gpu": "a100"}, "affinity": {"nodeAffinity": {}}})
    pod = found["spec"]["template"]["spec"]
    assert {"nodeSelector", "affinity"}.isdisjoint(pod)
    limits = container(found)["resources"]
    assert limits == {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}


def test_it_has_the_batch_s_label_and_a_name_that_the_batch_alone_decides() -> None:
    found, other = job(), job(batch="day")
    assert found["metadata"]["name"] == job(FULL)["metadata"]["name"] != other["metadata"]["name"]
    assert found["metadata"]["name"].startswith("scrape-night-")
    for labels in (found["metadata"]["labels"], found["spec"]["template"]["metadata"]["labels"]):
        assert labels["htctl.dev/batch"] == "night"
        assert "htctl.dev/bot" not in labels
    assert names.is_scrape(found)
    assert found["metadata"]["annotations"] == {names.MANIFEST: found["metadata"]["annotations"][names.MANIFEST]}


def test_secrets_variables_and_volumes_are_those_of_all_groups() -> None:
    one = {**PLAIN, "secrets": ["store", "x"], "env": {"A": "1"}}
    two = {"image": "other", "secrets": ["x", "y"], "env": {"B": "2"}, "volumes": FULL["volumes"]}
    found = job(one, two)
    assert container(found)["image"] == PLAIN["image"]
    assert [each["secretRef"]["name"] for each in container(found)["envFrom"]] == ["store", "x", "y"]
    assert {"A", "B"} <= {each["name"] for each in container(found)["env"]}
    assert "models" in {each["name"] for each in found["spec"]["template"]["spec"]["volumes"]}


def test_the_order_travels_in_the_environment_whole_and_tries_have_an_end() -> None:
    found = job()
    (told,) = (each for each in container(found)["env"] if each["name"] == "HTCTL_SCRAPE")
    assert Order.from_json(told["value"]) == ORDER
    assert found["spec"]["activeDeadlineSeconds"] == 86400
    assert job({**PLAIN, "job": {"activeDeadlineSeconds": 60}})["spec"]["activeDeadlineSeconds"] == 60


def test_more_accounts_than_one_variable_holds_are_refused() -> None:
    many = Order("s3://bots", {"x": tuple(f"account{number:05}" for number in range(9000))})
    with pytest.raises(ConfigError, match=r"9,000 accounts are too many for one Job .*htctl scrape"):
        job(order=many)
