import re
from typing import Any

import pytest

from pipeline.identity import bot_id
from pipeline.layout import RunKeys
from pipeline.wandb import runs
from tests import factories

CYBORG = [f"a_very_long_{index:03}" for index in range(20)]
ARTIFACT = re.compile(r"[a-zA-Z0-9_.-]{1,128}")


def keys(config: Any) -> RunKeys:
    return RunKeys(bot_id(config.source, config.handles), "b-00000000")


@pytest.mark.parametrize("handles", [["alice"], CYBORG, ["al.ice@example.org", "bob.bsky.social"]])
def test_every_name_is_one_that_wandb_takes(handles: list[str]) -> None:
    config = factories.run_config(handles=handles)
    made = [
        runs.posts_artifact(config, keys(config), ["p"]),
        runs.dataset_artifact(config, keys(config), "p", used=False),
        runs.base_model_artifact(config),
        runs.model_artifact(config, keys(config), "/store", {"config.json": 1}),
    ]
    assert [command["type"] for command in made] == [
        "raw-dataset",
        "train-dataset",
        "pretrained-model",
        "finetuned-model",
    ]
    assert all(ARTIFACT.fullmatch(command["name"]) for command in made)
    for kind in ("preprocess", "train"):
        name = runs.display_name(config.handles, kind)
        assert name.startswith(f"@{handles[0]}")
        assert name.endswith(f"-{kind}")
        assert len(name) == 128 if handles is CYBORG else len(name) < 128


def test_metadata_names_every_handle_of_a_cyborg() -> None:
    config = factories.run_config(handles=["Bob", "alice"])
    for command in (
        runs.posts_artifact(config, keys(config), ["p"]),
        runs.dataset_artifact(config, keys(config), "p", used=True),
        runs.model_artifact(config, keys(config), "/store", {}),
    ):
        assert command["metadata"]["handle"] == "Bob, alice"


@pytest.mark.parametrize(
    ("name", "artifact", "references"),
    [
        ("openai-community/gpt2", "gpt2", ["https://huggingface.co/openai-community/gpt2/resolve/main/config.json"]),
        ("/home/me/my model", "my-model", []),
        ("tiny", "tiny", []),
    ],
)
def test_the_base_model_is_known_by_its_last_name(name: str, artifact: str, references: list[str]) -> None:
    made = runs.base_model_artifact(factories.run_config(base_model=name))
    assert (made["name"], [part["reference"] for part in made["parts"].values()]) == (artifact, references)
    assert "/home" not in str(made)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("s3://bucket/prefix?endpoint=https://s3.example&region=x", "s3://bucket/prefix/"),
        ("/home/me/s", "htctl-store:"),
    ],
)
def test_the_bot_is_referred_to_where_it_lies_but_not_where_a_folder_does(address: str, place: str) -> None:
    config = factories.run_config()
    made = runs.model_artifact(config, keys(config), address, {"config.json": 7})
    reference = f"{place}bots/alice/runs/b-00000000/model/config.json"
    assert made["parts"] == {"config.json": {"reference": reference}}
    assert made["metadata"]["model_url"] == reference.removesuffix("config.json")


def test_a_validation_point_has_no_speed() -> None:
    made = runs.point({"step": 9, "epoch": 1, "validation_loss": 2.0}, 5.0, {"cpu_percent": 7.0})
    assert made["data"] == {"train/global_step": 9, "train/epoch": 1, "eval/loss": 2.0, "device/cpu_percent": 7.0}


def test_the_training_s_settings_stand_in_its_config_and_its_seed_under_the_recipe_s_name() -> None:
    config = factories.run_config(train={"seed": 5, "epochs": 7}, dataset={"seed": 3})
    made = runs.config_of("train", config, keys(config), {"torch": "2", "transformers": "5"})
    assert (made["seed_trainer"], made["seed_data"], made["epochs"]) == (5, 3, 7)
    assert "seed" not in made
    assert (made["pytorch_version"], made["transformers_version"]) == ("2", "5")
