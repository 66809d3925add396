from k8s import manifests, probe, settings
from tests import factories

GIVEN = {
    "image": "htctl:1", "secrets": ["keys"], "queue": "bots", "namespace": "here", "node_selector": {"gpu": "h100"},
    "labels": {"team": "night"},
}  # fmt: skip


def test_a_probe_is_a_pod_like_the_batch_s_that_no_batch_counts() -> None:
    job = manifests.job(factories.run_config(resources={"gpus": 2}), settings.build(GIVEN))
    found = probe.manifest(job, 60, "abcd")
    pod, of_job = found["spec"]["template"]["spec"], job["spec"]["template"]["spec"]
    (container,), (theirs,) = pod["containers"], of_job["containers"]
    for key in ("image", "envFrom", "resources", "securityContext", "volumeMounts"):
        assert container[key] == theirs[key]
    assert pod["nodeSelector"] == {"gpu": "h100"}
    assert found["metadata"]["name"] == "htctl-probe-abcd"
    assert found["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "bots"
    for about in (found["metadata"], found["spec"]["template"]["metadata"]):
        assert "htctl.dev/batch" not in str(about)
        assert about["labels"]["team"] == "night"
    assert {"name": "HTCTL_PROBE_GPUS", "value": "2"} in container["env"]
    assert (found["spec"]["backoffLimit"], found["spec"]["activeDeadlineSeconds"]) == (0, 120)


def test_its_command_is_the_trial_of_a_store() -> None:
    job = manifests.job(factories.run_config(), settings.build(GIVEN))
    (container,) = probe.manifest(job, 60)["spec"]["template"]["spec"]["containers"]
    compile(container["command"][-1], "trial", "exec")
    assert "def trial" in container["command"][-1]
