import json
import subprocess
import sys

import pytest

from pipeline import generation
from pipeline.errors import HtctlError
from tests.conftest import Finished


def run(finished: Finished, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "pipeline.generation", str(finished.model), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_we_write_is_what_the_library_s_pipeline_writes(finished: Finished) -> None:
    """The bot's users get the same posts from `pipeline("text-generation")` with the same seed."""
    import transformers

    ours = generation.Bot(finished.model).posts("the kettle", 4, seed=11)
    theirs = transformers.pipeline("text-generation", model=str(finished.model))
    transformers.set_seed(11)
    texts = [one["generated_text"] for one in theirs("the kettle", num_return_sequences=4)]
    assert ours == [text.strip().partition("\n")[0].strip() for text in texts]


def test_the_saved_bot_samples_as_the_recipe_does(finished: Finished) -> None:
    saved = json.loads((finished.model / "generation_config.json").read_text())
    wanted = {"do_sample": True, "temperature": 1.0, "top_p": 0.95, "top_k": 50, "min_length": 10, "max_length": 24}
    assert {key: saved.get(key) for key in wanted} == wanted
    assert saved["eos_token_id"] == saved["bos_token_id"] == saved["pad_token_id"]


def test_a_seed_repeats_and_another_does_not(finished: Finished) -> None:
    bot = generation.Bot(finished.model)
    assert bot.posts("my", 3, seed=1) == bot.posts("my", 3, seed=1) != bot.posts("my", 3, seed=2)


def test_posts_start_with_the_prompt_and_are_one_line(finished: Finished) -> None:
    posts = generation.Bot(finished.model).posts("the kettle", 60, seed=5)
    assert len(posts) == 60
    assert all(post.startswith("the kettle") and "\n" not in post for post in posts)


def test_a_line_break_in_the_prompt_is_a_space(finished: Finished) -> None:
    assert all(
        post.startswith("the kettle sings") for post in generation.Bot(finished.model).posts("the kettle\nsings", 3, 1)
    )


def test_a_prompt_that_leaves_no_room_is_one_line(finished: Finished) -> None:
    with pytest.raises(HtctlError, match=r"the prompt is too long: .* this bot's posts have 24 at most"):
        generation.Bot(finished.model).posts("kettle " * 50, 1, 1)


def test_no_prompt_is_fine(finished: Finished) -> None:
    assert any(generation.Bot(finished.model).posts("", 5, seed=5))


def test_options_reach_generate(finished: Finished) -> None:
    bot = generation.Bot(finished.model)
    assert len(set(bot.posts("the", 5, seed=1, temperature=0.01))) < len(
        set(bot.posts("the", 5, seed=1, temperature=5.0))
    )


@pytest.mark.slow
def test_the_program_writes_posts_to_stdout_and_its_speed_to_stderr(finished: Finished) -> None:
    result = run(finished, "--prompt=the 日本 kettle", "--count=2", "--seed=4", "--json")
    assert result.returncode == 0, result.stderr
    assert [post[:13] for post in json.loads(result.stdout)] == ["the 日本 kettle"] * 2
    assert "s of loading), seed 4" in result.stderr


@pytest.mark.slow
def test_a_folder_that_is_no_model_is_one_line(finished: Finished) -> None:
    result = subprocess.run(
        [sys.executable, "-P", "-m", "pipeline.generation", str(finished.model / "nowhere")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
