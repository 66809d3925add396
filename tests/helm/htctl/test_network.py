"""What the NetworkPolicies say; no cluster here enforces them."""

from collections.abc import Mapping
from typing import Any

import pytest

from k8s import manifests, names, probe, settings
from tests import factories
from tests.helm.charts import BATCH, Chart, Object, pod

SERVER = {"networkPolicy": {"apiServer": {"cidrs": ["10.0.0.1/32", "fd00::1/128"]}}}
METADATA = {"169.254.169.254/32", "fd00:ec2::254/128"}


def policy(chart: Chart, which: str, values: Mapping[str, Any] = {}) -> Object:
    return dict(chart.one("NetworkPolicy", values, f"-{which}")["spec"])


def blocks(rules: list[Any]) -> list[Any]:
    return [to["ipBlock"] for rule in rules for to in rule.get("to", []) if "ipBlock" in to]


def chooses(selector: Object, labels: dict[str, str]) -> bool:
    exact = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return exact and all(labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", []))


def job(nodes: int = 1, **given: Any) -> Object:
    run = factories.run_config(resources={"gpus": 0, "nodes": nodes})
    return manifests.job(run, settings.build({"image": "htctl:1", **given}))


def labels(found: Object) -> dict[str, str]:
    return dict(found["spec"]["template"]["metadata"]["labels"])


@pytest.mark.parametrize(
    ("which", "values", "found"),
    [
        ("jobs", {}, job()),
        ("jobs", {}, probe.manifest(job(), 60)),
        ("nodes", {}, job(nodes=2)),
        ("jobs", {"networkPolicy": {"jobs": "release"}}, job(labels={"htctl-release": "r"})),
        ("jobs", {"networkPolicy": {"jobs": "release"}}, probe.manifest(job(labels={"htctl-release": "r"}), 60)),
    ],
    ids=["job", "probe", "nodes", "release", "release's probe"],
)
def test_a_job_s_pods_are_chosen(chart: Chart, which: str, values: Any, found: Object) -> None:
    assert chooses(policy(chart, which, values)["podSelector"], labels(found))


def test_others_pods_are_not(chart: Chart) -> None:
    assert not chooses(policy(chart, "nodes")["podSelector"], labels(job()))
    of_release = policy(chart, "jobs", {"networkPolicy": {"jobs": "release"}})["podSelector"]
    assert not chooses(of_release, labels(job(labels={"htctl-release": "other"})))
    for which in ("jobs", "nodes"):
        assert not chooses(policy(chart, which)["podSelector"], {"app.kubernetes.io/name": "other"})


def test_the_batch_s_jobs_are_the_release_s(chart: Chart) -> None:
    assert '"htctl-release": "r"' in chart.one("ConfigMap", BATCH)["data"]["bots.yaml"]


def test_the_pods_that_submit_and_test_are_chosen_by_their_own_alone(chart: Chart) -> None:
    found = chart.full()
    for kind in ("CronJob", "Job", "Pod"):
        (each,) = (item for item in found if item["kind"] == kind)
        template = each["spec"].get("jobTemplate", each)["spec"].get("template", each)
        of_pod = template["metadata"]["labels"]
        assert chooses(policy(chart, "submitter")["podSelector"], of_pod)
        assert not chooses(policy(chart, "jobs")["podSelector"], of_pod)


def test_nobody_reaches_a_job_or_who_submits(chart: Chart) -> None:
    for which in ("jobs", "submitter"):
        said = policy(chart, which)
        assert (said["policyTypes"], said.get("ingress")) == (["Ingress", "Egress"], None)


def test_what_scrapes_reaches_a_job_s_one_port(chart: Chart) -> None:
    said = policy(chart, "jobs", {"podMonitor": {"create": True, "port": "numbers"}})
    assert said["ingress"] == [{"ports": [{"port": "numbers", "protocol": "TCP"}]}]


def test_all_may_ask_the_name_server_and_its_cache(chart: Chart) -> None:
    values = {"networkPolicy": {"dns": {"cidrs": ["169.254.20.10/32"], "podLabels": {"k8s-app": "dns"}}}}
    for which in ("jobs", "submitter"):
        rule = policy(chart, which, values)["egress"][0]
        assert rule["to"] == [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                "podSelector": {
                    "matchLabels": {
                        "k8s-app": "dns",
                    }
                },
            },
            {"ipBlock": {"cidr": "169.254.20.10/32"}},
        ]
        assert rule["ports"] == [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]


def test_a_name_server_may_listen_elsewhere(chart: Chart) -> None:
    for which in ("jobs", "submitter"):
        rule = policy(chart, which, {"networkPolicy": {"dns": {"ports": [5353]}}})["egress"][0]
        assert {port["port"] for port in rule["ports"]} == {5353}


def test_jobs_reach_everything_but_metadata_and_the_api_server(chart: Chart) -> None:
    found = blocks(policy(chart, "jobs", SERVER)["egress"])
    assert len(found) == 8
    for block in found:
        six = ":" in block["cidr"]
        denied = {"fd00:ec2::254/128", "fd00::1/128"} if six else {"169.254.169.254/32", "10.0.0.1/32"}
        assert set(block["except"]) == denied


@pytest.mark.parametrize("whom", ["store", "sources", "tracker", "hub"])
def test_where_something_is_can_be_narrowed(chart: Chart, whom: str) -> None:
    values = {"networkPolicy": {"to": {whom: {"cidrs": ["10.1.0.0/16"], "ports": [9000, 443]}}}}
    (rule,) = (
        each for each in policy(chart, "jobs", values)["egress"] if {"port": 9000, "protocol": "TCP"} in each["ports"]
    )
    assert rule["to"] == [{"ipBlock": {"cidr": "10.1.0.0/16"}}]  # an exception outside of it would be refused
    assert [port["port"] for port in rule["ports"]] == [9000, 443]


def test_metadata_may_be_let_through(chart: Chart) -> None:
    assert not METADATA & set(str(policy(chart, "jobs", {"networkPolicy": {"deniedMetadata": []}})).split("'"))


def test_more_may_be_added(chart: Chart) -> None:
    rule = {"to": [{"namespaceSelector": {}}], "ports": [{"port": 8333}]}
    assert rule in policy(chart, "jobs", {"networkPolicy": {"extraEgress": [rule]}})["egress"]


def test_nodes_reach_each_other_on_every_port_both_ways(chart: Chart) -> None:
    said = policy(chart, "nodes")
    only = [{"podSelector": said["podSelector"]}]
    assert (said["ingress"], said["egress"]) == ([{"from": only}], [{"to": only}])
    assert said["podSelector"]["matchLabels"][f"{names.DOMAIN}/service"] == names.SERVICE


def test_who_submits_reaches_the_api_server_and_the_store_only(chart: Chart) -> None:
    server, store = policy(chart, "submitter", SERVER)["egress"][1:]
    assert [to["ipBlock"] for to in server["to"]] == [{"cidr": "10.0.0.1/32"}, {"cidr": "fd00::1/128"}]
    assert [port["port"] for port in server["ports"]] == [443, 6443]
    assert [port["port"] for port in store["ports"]] == [443]


def test_an_api_server_that_is_anywhere_is_reached(chart: Chart) -> None:
    server = policy(chart, "submitter")["egress"][1]
    assert [to["ipBlock"]["cidr"] for to in server["to"]] == ["0.0.0.0/0", "::/0"]


def test_policies_may_be_left_out(chart: Chart) -> None:
    found = chart.objects({**BATCH, "networkPolicy": {"enabled": False}})
    assert not [each for each in found if each["kind"] == "NetworkPolicy"]
    assert pod(chart.one("CronJob", BATCH))
