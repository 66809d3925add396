from typing import Any

import pytest

from k8s import overlay


@pytest.mark.parametrize(
    ("under", "over", "merged"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"tolerations": [1, 2]}, {"tolerations": [3]}, {"tolerations": [3]}),
        (
            {"containers": [{"name": "train", "image": "i", "env": [{"name": "A", "value": "1"}]}]},
            {"containers": [{"name": "train", "env": [{"name": "B", "value": "2"}]}]},
            {
                "containers": [
                    {"name": "train", "image": "i", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
                ]
            },
        ),
        (
            {"env": [{"name": "A", "value": "1"}]},
            {"env": [{"name": "A", "valueFrom": {"x": 1}}]},
            {"env": [{"name": "A", "valueFrom": {"x": 1}}]},
        ),
        (
            {"volumes": [{"name": "tmp", "emptyDir": {}}]},
            {"volumes": [{"name": "tmp", "ephemeral": {}}]},
            {"volumes": [{"name": "tmp", "ephemeral": {}}]},
        ),
        (
            {"volumeMounts": [{"name": "m", "mountPath": "/a"}]},
            {"volumeMounts": [{"name": "m", "mountPath": "/b"}, {"name": "n", "mountPath": "/a"}]},
            {"volumeMounts": [{"name": "n", "mountPath": "/a"}, {"name": "m", "mountPath": "/b"}]},
        ),
        ({"env": [{"value": "1"}]}, {"env": [{"value": "2"}]}, {"env": [{"value": "1"}, {"value": "2"}]}),
    ],
)
def test_mappings_merge_named_things_by_name_and_other_lists_replace(under: Any, over: Any, merged: Any) -> None:
    assert overlay.merge(under, over) == merged


def test_null_takes_a_key_out_and_survives_until_it_is_laid_over() -> None:
    both = overlay.merge({"a": {"b": 1}}, {"a": {"b": None, "c": {"d": None}}})
    assert both == {"a": {"b": None, "c": {"d": None}}}
    assert overlay.lay_over({"a": {"b": 1, "e": 2}}, both) == {"a": {"c": {}, "e": 2}}
    both = {"containers": [{"name": "train", "b": None}]}
    assert overlay.lay_over({"containers": [{"name": "train", "b": 1}]}, both) == {"containers": [{"name": "train"}]}


def test_merging_changes_neither_side() -> None:
    under, over = {"a": {"b": 1}}, {"a": {"c": 2}}
    overlay.merge(under, over)
    assert (under, over) == ({"a": {"b": 1}}, {"a": {"c": 2}})


@pytest.mark.parametrize(
    ("pod", "says"),
    [
        ({"restartPolicy": "OnFailure"}, "restartPolicy: cannot be changed here: a failed Pod is the Job's to replace"),
        ({"spec": {}}, "spec: cannot be changed here: what belongs under spec stands here directly"),
        ({"metadata": {"labels": {}}}, "metadata: cannot be changed here: the Pod's spec goes under kubernetes.pod"),
        ({"terminationGracePeriodSeconds": 0}, "write kubernetes.grace_seconds"),
        ({"containers": {}}, "containers: must be a list, not a mapping"),
        ({"containers": [{"name": "side"}]}, "containers[0]: must be the one named train"),
        ({"containers": [{"image": "x"}]}, "containers[0]: must be the one named train"),
        ({"containers": [{"name": "train", "image": "x"}]}, "containers[0].image: cannot be changed here: write kub"),
        (
            {"containers": [{"name": "train", "env": [{"name": "HTCTL_RUN", "value": ""}]}]},
            "containers[0].env[0]: HTCTL_RUN is set by htctl",
        ),
    ],
)
def test_what_the_contract_rests_on_is_refused_in_a_pod(pod: dict[str, Any], says: str) -> None:
    (problem,) = overlay.refused_in_pod(pod)
    assert says in str(problem)


@pytest.mark.parametrize(
    "key", ["template", "podFailurePolicy", "podReplacementPolicy", "ttlSecondsAfterFinished", "completions", "spec"]
)
def test_what_the_contract_rests_on_is_refused_in_a_job(key: str) -> None:
    (problem,) = overlay.refused_in_job({key: {}, "suspend": True})
    assert str(problem).startswith(f"{key}: cannot be changed here: ")
