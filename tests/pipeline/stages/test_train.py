"""The stage's result and files, read from one run that all tests share; the loop has tests of its own."""

import json

from PIL import Image

from pipeline.stages import train  # noqa: F401 - what this file is about
from tests.conftest import Finished


def test_the_result_tells_what_was_done(finished: Finished) -> None:
    result = json.loads(finished.store.read(finished.keys.stage("train")).data)["result"]
    assert result["epoch"] == 2
    assert result["precision"] == "fp32"
    assert result["steps"] > 5
    assert result["parameters"] > 100_000
    assert result["before"]["posts"] == result["after"]["posts"] > 10


def test_every_token_of_every_epoch_was_trained_on(finished: Finished) -> None:
    read = lambda name: json.loads(finished.store.read(finished.keys.stage(name)).data)["result"]  # noqa: E731
    dataset, result = read("dataset"), read("train")
    balanced = 2 * 2 * (dataset["tokens"] + dataset["train"]["posts"])  # two epochs, at most twice for balance
    assert dataset["tokens"] * 2 < result["tokens"] <= balanced


def test_the_loss_is_there_as_numbers_and_as_a_picture(finished: Finished) -> None:
    points = json.loads((finished.model / "loss.json").read_text())
    assert [point["step"] for point in points] == sorted(point["step"] for point in points)
    assert points[0]["loss"] > points[-1]["loss"]
    assert points[-1]["learning_rate"] < points[0]["learning_rate"]
    with Image.open(finished.model / "loss.png") as picture:
        assert picture.width > 500
