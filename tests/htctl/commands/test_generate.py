import json
from typing import Any

import pytest

from tests.conftest import Finished
from tests.htctl.runner import htctl

pytestmark = pytest.mark.slow


def test_posts_of_a_published_bot_seeded(finished: Finished, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "generate",
        "bob+alice",
        "--prompt",
        "the kettle",
        "-n",
        "3",
        "--seed",
        "7",
        "--store",
        finished.store.address,
    ]
    assert htctl(*arguments).code == 0
    first = capfd.readouterr()
    assert htctl(*arguments, "-o", "json").code == 0
    posts = json.loads(capfd.readouterr().out)
    assert len(posts) == 3
    assert all(post.startswith("the kettle") for post in posts)
    assert first.out.splitlines() == posts
    assert "seed 7" in first.err


def test_a_prompt_that_looks_like_an_option(finished: Finished, capfd: pytest.CaptureFixture[str]) -> None:
    assert htctl("generate", "alice-bob", "--prompt", "--seed", "-n", "1", "--store", finished.store.address).code == 0
    assert capfd.readouterr().out.startswith("--seed")


@pytest.mark.parametrize("option", [["-n", "0"], ["--temperature", "0"]])
def test_what_makes_no_sense_is_a_usage_error(finished: Finished, option: list[str]) -> None:
    shown: Any = htctl("generate", "alice-bob", *option, "--store", finished.store.address)
    assert shown.code == 2
