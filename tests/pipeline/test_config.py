import dataclasses
import json

import pytest

from pipeline import config
from pipeline.config import RunConfig
from pipeline.errors import ConfigError
from tests import factories


def test_json_and_back() -> None:
    asked = factories.run_config(handles=["Alice", "b_o_b"], posts={"alice": "0" * 64}, train={"epochs": 7})
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
        (
            '{"batch": "b", "store": "s", "handles": ["a.b"], "source": "archive"}',
            "'a.b' is not a handle of source arch",
        ),
        (
            '{"batch": "b", "store": "s", "handles": ["a"], "generate": {"max_length": 5}}',
            "generate.min_length: is above",
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
        factories.run_config(tracker={"mode": "online", "project": "mine"}),
        factories.run_config(handles=["ALICE"]),
        factories.run_config(source="archive"),
    ]
    assert {one.fingerprint() for one in same} == {asked.fingerprint()}


def test_the_fingerprint_follows_everything_else() -> None:
    changes = [
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


def test_the_recipe_s_hyperparameters_are_the_defaults() -> None:
    train, generate = config.Train(), config.Generate()
    assert (train.epochs, train.learning_rate, train.batch_size, train.block_size) == (4, 1.372e-4, 1, 1024)
    assert (train.schedule, train.warmup, train.weight_decay, train.max_grad_norm) == ("cosine", 0.0, 0.0, 1.0)
    assert (generate.temperature, generate.top_p, generate.min_length, generate.max_length) == (1.0, 0.95, 10, 160)
    assert (generate.samples, generate.prompt) == (10, "My dream is")


def test_every_setting_has_a_meaning_for_the_batch_file() -> None:
    for group in (config.Clean, config.Dataset, config.Train, config.Generate, config.Resources, config.Tracker):
        assert all(field.metadata["text"] for field in dataclasses.fields(group))


def test_tiny_s_own_defaults_are_sound_settings() -> None:
    built = factories.run_config(**config.built_in("tiny"))
    assert built.train.learning_rate == 1e-3
    assert config.built_in("openai-community/gpt2") == {}


def test_settings_that_do_not_go_together_are_refused() -> None:
    asked = factories.run_config(generate={"min_length": 50, "max_length": 20})
    assert [str(problem) for problem in config.impossible(asked)] == [
        "generate.min_length: is above generate.max_length"
    ]


def test_canonical_json_is_equal_for_equal_data() -> None:
    assert config.canonical_json({"b": 1, "a": {"d": 2, "c": "é"}}) == '{"a":{"c":"é","d":2},"b":1}'
    assert json.loads(config.canonical_json({"a": 1})) == {"a": 1}


def test_a_licence_that_the_hub_does_not_know_is_refused_before_anything_is_made() -> None:
    asked = factories.run_config(license="apache2")
    assert [str(problem) for problem in config.impossible(asked)] == [
        "license: 'apache2' is no licence that the Hub knows; did you mean 'apache-2.0'?"
    ]


@pytest.mark.parametrize(
    ("base_model", "on_hub", "shown"),
    [
        ("openai-community/gpt2", True, "openai-community/gpt2"),
        ("tiny", False, "tiny"),
        ("/home/me/gpt2", False, "gpt2"),
        ("bot:alice/r-1", False, "alice/r-1"),
    ],
)
def test_what_a_base_model_is_and_how_the_world_sees_it(base_model: str, on_hub: bool, shown: str) -> None:
    assert config.is_on_hub(base_model) == on_hub
    assert config.public_name(base_model) == shown
