import re
from pathlib import Path

import pytest
import yaml

from tests.helm.charts import BATCH, Chart, pod

ROOT = Path(__file__).parents[3]


def documented() -> list[dict[str, list[str]]]:
    """The Role that a test has every command run with."""
    (role,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/permissions.md").read_text(), re.DOTALL)
    return list(yaml.safe_load(role)["rules"])


def test_the_role_is_the_documented_one(chart: Chart) -> None:
    assert chart.one("Role")["rules"] == documented()


def test_without_kueue_its_rules_are_not_there(chart: Chart) -> None:
    rules = chart.one("Role", {"rbac": {"kueue": False}})["rules"]
    assert rules == [rule for rule in documented() if "kueue" not in rule["apiGroups"][0]]


def test_no_rule_is_about_secrets_or_everything(chart: Chart) -> None:
    for rule in chart.one("Role")["rules"]:
        assert not {"*", "secrets"} & {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}


def test_who_submits_is_bound_and_who_is_named_besides(chart: Chart) -> None:
    team = {"kind": "Group", "name": "ml", "apiGroup": "rbac.authorization.k8s.io"}
    bound = chart.one("RoleBinding", {"rbac": {"subjects": [team]}})
    role, account = chart.one("Role"), chart.one("ServiceAccount", name="-submitter")
    assert bound["roleRef"]["name"] == role["metadata"]["name"]
    ours = {"kind": "ServiceAccount", "name": account["metadata"]["name"], "namespace": "bots"}
    assert bound["subjects"] == [ours, team]


def test_no_account_mounts_a_token_by_itself(chart: Chart) -> None:
    accounts = [found for found in chart.full() if found["kind"] == "ServiceAccount"]
    assert [account["automountServiceAccountToken"] for account in accounts] == [False, False]


def test_the_jobs_account_has_no_rights(chart: Chart) -> None:
    jobs = chart.one("ServiceAccount", name="-jobs")["metadata"]["name"]
    assert jobs not in str(chart.one("RoleBinding")["subjects"])


def test_accounts_that_are_there_are_used(chart: Chart) -> None:
    given = {which: {"create": False, "name": f"our-{which}"} for which in ("submitter", "jobs")}
    found = chart.objects({**BATCH, "serviceAccounts": given})
    assert not [each for each in found if each["kind"] == "ServiceAccount"]
    (binding,) = (each for each in found if each["kind"] == "RoleBinding")
    (cron,) = (each for each in found if each["kind"] == "CronJob")
    (config,) = (each for each in found if each["kind"] == "ConfigMap")
    assert binding["subjects"][0]["name"] == pod(cron)["serviceAccountName"] == "our-submitter"
    assert '"service_account": "our-jobs"' in config["data"]["bots.yaml"]


@pytest.mark.parametrize("which", ["submitter", "jobs"])
def test_an_account_may_have_a_cloud_s_role(chart: Chart, which: str) -> None:
    given = {"serviceAccounts": {which: {"annotations": {"role": "arn"}}}}
    assert chart.one("ServiceAccount", given, f"-{which}")["metadata"]["annotations"] == {"role": "arn"}


def test_rights_may_be_somebody_else_s_to_give(chart: Chart) -> None:
    kinds = {found["kind"] for found in chart.objects({"rbac": {"create": False}})}
    assert not kinds & {"Role", "RoleBinding"}
