"""What holds for every object, whatever it is."""

import json
import re
from collections import Counter

import pytest

from k8s import manifests, names
from tests.helm import charts
from tests.helm.charts import BATCH, CHART, FULL, Chart

ALLOWED = ("app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component")
COMMON = (
    *ALLOWED,
    "app.kubernetes.io/version",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/part-of",
    "helm.sh/chart",
)
LONG = "a-release-with-a-name-that-is-very-long-indeed-1"


def test_every_object_has_the_common_labels_and_the_release_s_namespace(chart: Chart) -> None:
    given = {"commonLabels": {"team": "ml"}, "commonAnnotations": {"note": "text"}}
    for found in chart.full(given):
        about = found["metadata"]
        assert about["labels"].keys() >= {*COMMON, "team"}, about["name"]
        assert about["annotations"]["note"] == "text"
        assert about["namespace"] == "bots"
        assert about["labels"]["app.kubernetes.io/instance"] == "r"


def test_each_template_makes_one_object(chart: Chart) -> None:
    made = Counter(re.findall(r"# Source: htctl/(templates/.*)", chart.text({}, "-f", str(FULL))))
    files = {str(path.relative_to(CHART)) for path in CHART.rglob("templates/**/*.yaml")} - {"templates/checks.yaml"}
    assert made == Counter(files)


def test_nothing_is_random_looked_up_or_of_the_cluster(chart: Chart) -> None:
    """So a tool that renders again and again sees a change only where a value has changed."""
    for path in CHART.rglob("templates/**/*.*"):
        actions = " ".join(re.findall(r"\{\{(.*?)\}\}", path.read_text(), re.DOTALL))
        words = set(re.findall(r"[.\w]+", re.sub(r"\"[^\"]*\"|/\*.*?\*/", "", actions, flags=re.DOTALL)))
        assert not words & {"lookup", "uuidv4", "now", "date", "htpasswd", "randAlphaNum", "randBytes", "shuffle"}
        assert not [word for word in words if word.startswith(("gen", "rand")) or ".Release.Is" in word]
        assert ".Release.Revision" not in words
    full = ("-f", str(FULL))
    assert chart.text({}, *full) == chart.text({}, *full)
    kinds = {found["kind"] for found in chart.full()}
    assert not kinds & {"ClusterRole", "ClusterRoleBinding", "Namespace", "Secret", "CustomResourceDefinition"}


def identities(chart: Chart, release: str, **given: object) -> set[tuple[str, str]]:
    values = {"nodesService": {"create": False}, **given}
    return {(found["kind"], found["metadata"]["name"]) for found in chart.full(values, release=release)}


def test_two_releases_in_one_namespace_do_not_meet(chart: Chart) -> None:
    assert not identities(chart, "a") & identities(chart, "b")
    assert not identities(chart, f"{LONG}-a") & identities(chart, f"{LONG}-b")
    assert identities(chart, "htctl").isdisjoint(identities(chart, "htctl-2"))


def chosen(chart: Chart, release: str) -> list[dict[str, str]]:
    found = chart.full({"networkPolicy": {"jobs": "release"}}, release=release)
    return [each["spec"]["podSelector"]["matchLabels"] for each in found if each["kind"] == "NetworkPolicy"]


def test_two_releases_select_pods_of_their_own(chart: Chart) -> None:
    for ours, theirs in zip(chosen(chart, "a"), chosen(chart, "b"), strict=True):
        assert any(theirs.get(key) not in (value, None) for key, value in ours.items())


def test_names_leave_room_for_what_is_added_to_them(chart: Chart) -> None:
    for release in ("r", LONG, "htctl-" + "x" * 47):
        for found in chart.full(release=release):
            name = found["metadata"]["name"]
            assert len(name) <= (31 if found["kind"] == "CronJob" else 63)
            if found["kind"] == "Job":  # its name is the batch's
                assert len(name) <= 40


def test_a_name_may_be_given(chart: Chart) -> None:
    assert chart.one("CronJob", {**BATCH, "fullnameOverride": "night"})["metadata"]["name"] == "night"
    assert chart.one("CronJob", {**BATCH, "nameOverride": "bots"})["metadata"]["name"] == "r-bots"


def test_the_service_is_the_one_that_nodes_of_a_run_look_for(chart: Chart) -> None:
    made, ours = chart.one("Service"), manifests.service("bots")
    assert made["metadata"]["name"] == names.SERVICE
    assert made["spec"] == ours["spec"]
    assert not [found for found in chart.objects({"nodesService": {"create": False}}) if found["kind"] == "Service"]


def notes(chart: Chart, values: dict[str, object]) -> str:
    """What a person reads after an install; no cluster is asked."""
    command = ["install", "night", str(CHART), "-n", "bots", "--dry-run=client", "-f", "-"]
    ran = charts.helm(chart.program, *command, given=json.dumps(values), env={"KUBECONFIG": "/none"})
    if "unreachable" in ran.stderr:
        pytest.skip("this helm asks a cluster even so")
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.partition("NOTES:\n")[2]


def test_the_notes_say_what_comes_next(chart: Chart) -> None:
    said = notes(chart, BATCH)
    assert "kubectl create job -n bots --from=cronjob/night-htctl now-1\n" in said
    assert "helm test night -n bots --logs\n" in said
    assert "htctl submit -f bots.yaml -n bots --set kubernetes.service_account=night-htctl-jobs" in notes(chart, {})
