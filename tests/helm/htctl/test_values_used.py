"""Every value does something, and every value that a template reads is there."""

import re
from typing import Any

import pytest
import yaml

from helm import values
from tests.helm.charts import BATCH, CHART, FULL, Chart

DATA = yaml.safe_load(values.VALUES.read_text())
TEMPLATES = sorted(path for path in CHART.rglob("templates/**/*") if path.is_file())
READ = re.compile(r"\$?\.Values((?:\.\w+)+)|\$root\.Values((?:\.\w+)+)")
# Another value, where its form does not tell one.
OTHER: dict[str, Any] = {
    "image.digest": f"sha256:{'1' * 64}",
    "image.pullPolicy": "Never",
    "store.address": "s3://other",
    "batch.groups": ["other"],
    "batch.defaults": {"license": "apache-2.0"},
    "batch.posts.folder": "/other",
    "schedule.cron": "1 1 * * *",
    "submitter.startDeadline": "1h",
    "submitter.resources": {"limits": {"cpu": "7"}},
    "submitter.affinity": {"podAffinity": {}},
    "submitter.tolerations": [{"operator": "Exists"}],
    "submitter.podSecurityContext": {"runAsUser": 7},
    "submitter.securityContext": {"privileged": True},
    "networkPolicy.jobs": "release",
    "networkPolicy.extraEgress": [{"to": []}],
    "rbac.subjects": [{"kind": "User", "name": "x"}],
    "limitRange.limits": [{"type": "Pod"}],
    "podMonitor.interval": "1h",
    "cache.mountPath": "/other",
    "cache.size": "1Gi",
    "cache.accessModes": ["ReadWriteOnce"],
    "tests.probeDeadline": "1h",
}
# What can only be seen beside another value.
BESIDE: dict[str, dict[str, Any]] = {
    "image.tag": {"image": {"digest": ""}},
    "store.workloadIdentity": {"store": {"existingSecret": ""}},
    "batch.posts.claim": {"batch": {"posts": {"configMap": ""}}},
    "cache.existingClaim": {"cache": {"create": False}},
    "serviceAccounts.submitter.create": {"serviceAccounts": {"submitter": {"name": "x"}}},
    "serviceAccounts.jobs.create": {"serviceAccounts": {"jobs": {"name": "x"}}},
    "rbac.kueue": {"queue": {"create": False}},
    "submitter.wait": {"submitter": {"maxInFlight": 0}},
}


def other(value: values.Value, now: Any) -> Any:
    """Something else of the same form than what is there now."""
    if value.name in OTHER:
        return OTHER[value.name]
    if isinstance(now, bool):
        return not now
    if isinstance(now, int):
        return now + 11
    if isinstance(now, list):
        return [8888] if value.form == "ports" else ["10.9.9.0/24"] if value.form == "cidrs" else ["other"]
    return {"other": "1"} if isinstance(now, dict) else "other"


def nested(path: tuple[str, ...], value: Any) -> Any:
    return nested(path[:-1], {path[-1]: value}) if path else value


def merged(under: Any, over: Any) -> Any:
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    return {**under, **{key: merged(under[key], inner) if key in under else inner for key, inner in over.items()}}


@pytest.mark.slow
@pytest.mark.parametrize("value", values.read(), ids=lambda value: value.name)
def test_another_value_makes_another_object(chart: Chart, value: values.Value) -> None:
    full = merged(DATA, yaml.safe_load(FULL.read_text()))
    before = merged(full, BESIDE.get(value.name, {}))
    after = merged(before, nested(value.path, None))
    after = merged(after, nested(value.path, other(value, values.at(before, value.path))))
    shown = (
        [text(chart, given) for given in (before, after)] if value.name != "store.workloadIdentity" else identity(chart)
    )
    assert shown[0] != shown[1]


def text(chart: Chart, given: Any) -> str:
    return chart.text(given)


def identity(chart: Chart) -> list[str]:
    """Without it, a batch without a Secret is refused: that is what it does."""
    given = {**BATCH, "store": {"address": "s3://b"}}
    return [chart.refusal(given), chart.text(merged(given, {"store": {"workloadIdentity": True}}))]


def test_every_value_that_a_template_reads_is_declared() -> None:
    for path in TEMPLATES:
        for found in READ.findall(path.read_text()):
            steps = (found[0] or found[1]).strip(".").split(".")
            here = DATA
            for step in steps:
                if step == "kubernetes":  # inside of the batch's own settings
                    break
                assert step in here, f"{path.name}: .Values.{'.'.join(steps)}"
                here = here[step]
