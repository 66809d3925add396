import json
from typing import Any

import pytest

from pipeline import config
from pipeline.config import RunConfig
from pipeline.errors import ConfigError
from tests import factories


def test_json_and_back() -> None:
    asked = factories.run_config(handles=["Alice", "b_o_b"], posts={"alice": "0" * 64}, train={"epochs": 7})
    assert RunConfig.from_json(asked.to_json()) == asked


def test_prices_travel_where_they_are_not_the_usual_ones_alone() -> None:
    """Else the Jobs of a batch that is in a cluster would all be other ones after an update."""
    assert "scrape" not in json.loads(factories.run_config().to_json())
    asked = factories.run_config(source="x", scrape={"post_price": 0.001})
    assert RunConfig.from_json(asked.to_json()) == asked


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not JSON"),
        ("[]", "must be a mapping"),
        ("{}", "batch: is missing; store: is missing; handles: is missing"),
        ('{"batch": "b", "store": "s", "handles": [], "trian": {}}', "did you mean 'train'?"),
        ('{"batch": "b", "store": "s", "handles": []}', "handles: must name at least one handle"),
        ('{"batch": "No Good!", "store": "s", "handles": ["a"]}', "batch: must be 1 to 40"),
        ('{"batch": "b", "store": "s", "handles": ["../.."]}', "handles: '../..' is not a handle"),
        ('{"batch": "b", "store": "s", "handles": ["a.b"], "source": "x"}', "'a.b' is not a handle of source x"),
        (
            '{"batch": "b", "store": "s", "handles": ["a.b"], "source": "archive"}',
            "'a.b' is not a handle of source arch",
        ),
        (
            '{"batch": "b", "store": "s", "handles": ["a"], "generate": {"max_length": 5}}',
            "generate.min_length: is above",
        ),
        (
            '{"batch": "b", "store": "s", "handles": ["a"], "resources": {"processes": 3}, "train": {"batch_size": 2}}',
            "resources.processes: is 3, but a step has only 2 blocks to share (train.batch_size)",
        ),
        (
            (
                '{"batch": "b", "store": "s", "handles": ["a"], "train": {"batch_size": 3}, '
                '"resources": {"gpus": 2, "nodes": 2}}'
            ),
            "resources.gpus: is 2 on each of 2 nodes, but a step has only 3 blocks to share (train.batch_size)",
        ),
    ],
)
def test_a_wrong_config_is_refused_with_its_reason(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match="HTCTL_RUN") as caught:
        RunConfig.from_json(text)
    assert says in str(caught.value)


def test_the_fingerprint_leaves_out_what_does_not_decide_the_bot() -> None:
    asked = factories.run_config()
    same = [
        factories.run_config(batch="other"),
        factories.run_config(store="s3://elsewhere"),
        factories.run_config(resources={"gpus": 4}),
        factories.run_config(resources={"processes": 4}),
        factories.run_config(train={"micro_batch": 4}),
        factories.run_config(tracker={"mode": "online", "project": "mine"}),
        factories.run_config(handles=["ALICE"]),
        factories.run_config(source="archive"),
        factories.run_config(scrape={"post_price": 1.0}),
    ]
    assert {one.fingerprint() for one in same} == {asked.fingerprint()}


def test_the_fingerprint_follows_everything_else() -> None:
    changes = [
        {"train": {"offload_optimizer": True}},
        {"base_model": "openai-community/gpt2"},
        {"posts": {"alice": "1" * 64}},
        {"handles": ["alice", "bob"]},
        {"clean": {"rules": "original"}},
        {"skip_bad": True},
        {"dataset": {"seed": 1}},
        {"train": {"epochs": 5}},
        {"generate": {"prompt": "I"}},
    ]
    prints = {factories.run_config(**change).fingerprint() for change in changes}
    assert len(prints | {factories.run_config().fingerprint()}) == len(changes) + 1


def test_canonical_json_is_equal_for_equal_data() -> None:
    assert config.canonical_json({"b": 1, "a": {"d": 2, "c": "é"}}) == '{"a":{"c":"é","d":2},"b":1}'
    assert json.loads(config.canonical_json({"a": 1})) == {"a": 1}


CYBORG: dict[str, Any] = {"handles": ["Jack", "alice.com"], "sources": {"alice.com": "bluesky"}, "source": "archive"}


def test_a_run_with_several_sources() -> None:
    asked = factories.run_config(**CYBORG)
    assert RunConfig.from_json(asked.to_json()) == asked
    assert (asked.source_of("JACK"), asked.source_of("Alice.com")) == ("archive", "bluesky")
    assert asked.qualified == ("Jack", "bluesky:alice.com")


def test_the_fingerprint_of_several_sources() -> None:
    asked = factories.run_config(**CYBORG)
    same = {**CYBORG, "source": "bluesky", "sources": {"jack": "archive"}}
    other = {**CYBORG, "sources": {"alice.com": "jsonl"}}
    assert factories.run_config(**same).fingerprint() == asked.fingerprint()
    assert factories.run_config(**other).fingerprint() != asked.fingerprint()


def test_a_run_of_one_process_is_written_as_it_always_was() -> None:
    assert json.loads(factories.run_config().to_json())["resources"].keys() == {"gpus", "nodes", "cpu", "memory"}
    several = factories.run_config(resources={"processes": 2}, train={"batch_size": 2})
    assert RunConfig.from_json(several.to_json()) == several


def test_a_run_of_one_source_is_written_as_it_always_was() -> None:
    assert "sources" not in json.loads(factories.run_config().to_json())
    assert factories.run_config().fingerprint()[:8] == "2076ce72"
