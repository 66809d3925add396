import copy
from typing import Any

import pytest

from k8s import difference, manifests, settings
from tests import factories

ENV = "spec.template.spec.containers.train.env"
PLAIN = {"image": "htctl:1", "env": {"A": "b"}, "tolerations": [{"key": "gpu"}]}


def a_job(given: Any = PLAIN, **changes: Any) -> manifests.Manifest:
    return manifests.job(factories.run_config(**{"store": "s3://bots", **changes}), settings.build(given))


def as_kept(job: manifests.Manifest) -> manifests.Manifest:
    """With what a cluster adds: defaults, status, labels of its own; without what is empty."""
    kept = copy.deepcopy(job)
    kept["metadata"]["labels"]["batch.kubernetes.io/job-name"] = "x"
    kept["spec"]["completions"] = 1
    kept["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always"
    kept["spec"]["template"]["spec"]["nodeSelector"] = {"of": "kueue"}
    kept["status"] = {"active": 1}
    return kept


@pytest.mark.parametrize(
    ("given", "changes", "expected"),
    [
        (PLAIN, {}, []),
        (PLAIN, {"train": {"epochs": 2}}, ["train.epochs: 4 -> 2"]),
        (PLAIN, {"posts": {"alice": "1"}}, ["posts.alice: (none) -> 1"]),
        ({**PLAIN, "backoff_limit": 1}, {}, ["spec.backoffLimit: 3 -> 1"]),
        (
            {**PLAIN, "env": {}},
            {},
            [f'{ENV}.A: {{"name": "A", "value": "b"}} -> (none)'],
        ),
        ({**PLAIN, "labels": {"team": "a"}}, {}, ["metadata.labels.team: (none) -> a"]),
        ({**PLAIN, "image": "htctl:2"}, {}, ["spec.template.spec.containers.train.image: htctl:1 -> htctl:2"]),
    ],
)
def test_what_differs_is_told_and_nothing_that_a_cluster_adds(given: Any, changes: Any, expected: list[str]) -> None:
    found = difference.differences(a_job(given, **changes), as_kept(a_job()))
    assert [str(line) for line in found] == expected


def test_a_few_lines_are_enough() -> None:
    train = dict.fromkeys(("epochs", "seed", "batch_size", "block_size", "warmup", "learning_rate", "max_grad_norm"), 2)
    told = difference.lines(a_job(train={**train, "block_size": 16}, license="x" * 80), as_kept(a_job()))
    assert len(told) == 7
    assert told[0] == f"license: mit -> {'x' * 60}..."
    assert told[-1] == "and 2 more"


def test_what_was_taken_out_and_cannot_be_seen_is_said() -> None:
    given = {**PLAIN, "tolerations": []}
    assert "is set no more" in difference.lines(a_job(given), as_kept(a_job()))[0]
