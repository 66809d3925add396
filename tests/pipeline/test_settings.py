import dataclasses

from pipeline import settings
from tests import factories


def test_the_recipe_s_hyperparameters_are_the_defaults() -> None:
    train, generate = settings.Train(), settings.Generate()
    assert (train.epochs, train.learning_rate, train.batch_size, train.block_size) == (4, 1.372e-4, 1, 1024)
    assert (train.schedule, train.warmup, train.weight_decay, train.max_grad_norm) == ("cosine", 0.0, 0.0, 1.0)
    assert (generate.temperature, generate.top_p, generate.min_length, generate.max_length) == (1.0, 0.95, 10, 160)
    assert (generate.samples, generate.prompt) == (10, "My dream is")


def test_every_setting_has_a_meaning_for_the_batch_file() -> None:
    for group in (
        settings.Clean,
        settings.Dataset,
        settings.Train,
        settings.Generate,
        settings.Resources,
        settings.Tracker,
    ):
        assert all(field.metadata["text"] for field in dataclasses.fields(group))


def test_tiny_s_own_defaults_are_sound_settings() -> None:
    built = factories.run_config(**settings.built_in("tiny"))
    assert built.train.learning_rate == 1e-3
    assert settings.built_in("openai-community/gpt2") == {}


def test_settings_that_do_not_go_together_are_refused() -> None:
    asked = factories.run_config(generate={"min_length": 50, "max_length": 20})
    assert [str(problem) for problem in settings.impossible(asked)] == [
        "generate.min_length: is above generate.max_length"
    ]
    asked = factories.run_config(train={"offload_optimizer": True, "zero_stage": "0"})
    assert [str(problem) for problem in settings.impossible(asked)] == [
        "train.offload_optimizer: needs train.zero_stage auto, 1, 2 or 3"
    ]


def test_a_licence_that_the_hub_does_not_know_is_refused_before_anything_is_made() -> None:
    asked = factories.run_config(license="apache2")
    assert [str(problem) for problem in settings.impossible(asked)] == [
        "license: 'apache2' is no licence that the Hub knows; did you mean 'apache-2.0'?"
    ]


def test_training_processes_are_gpus_or_what_was_asked_for() -> None:
    assert settings.Resources().ranks == settings.Resources(gpus=0).ranks == 1
    assert settings.Resources(gpus=4, processes=2).ranks == 4
    assert settings.Resources(gpus=0, processes=2).ranks == 2
