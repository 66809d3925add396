import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import ConfigError, TooFewPostsError
from pipeline.posts import read_lines
from pipeline.stage import Context
from pipeline.stages import clean, dataset, scrape
from pipeline.text import similarity
from pipeline.training import base_model
from tests import factories
from tests.pipeline import contexts

SETTINGS = factories.small_settings()


def made(folder: Path, texts: dict[str, list[str]], **settings: Any) -> tuple[Context, dict[str, Any]]:
    context = contexts.make(folder, texts, **{**SETTINGS, **settings})
    scrape.run(context)
    clean.run(context)
    return context, dataset.run(context)


def part(context: Context, name: str) -> list[str]:
    return [record["text"] for record in read_lines(context.local(context.keys.dataset(f"{name}.jsonl.gz")))]


def test_every_post_is_in_one_part(tmp_path: Path) -> None:
    texts = factories.sentences(1000)
    context, result = made(tmp_path, {"alice": texts}, train={**SETTINGS["train"], "choose": "best"})
    parts = [part(context, name) for name in dataset.PARTS]
    assert sorted(itertools.chain(*parts)) == sorted(texts)
    assert [result[name]["posts"] for name in dataset.PARTS] == [len(posts) for posts in parts]
    assert 70 < len(parts[2]) < 130
    assert 30 < len(parts[1]) < 75


def test_no_validation_part_where_nothing_is_chosen_by_it(tmp_path: Path) -> None:
    context, result = made(tmp_path, {"alice": factories.sentences(200)})
    assert part(context, "validation") == []
    assert result["validation"]["posts"] == 0


def test_near_duplicates_are_on_one_side(tmp_path: Path) -> None:
    texts = factories.sentences(300)
    texts += [f"{text}!! https://t.co/{i}" for i, text in enumerate(texts)]
    context, result = made(tmp_path, {"alice": texts})
    plain = {similarity.plain(text) for text in part(context, "train")}
    assert not plain & {similarity.plain(text) for text in part(context, "heldout")}
    assert result["near_duplicates"] >= 300


def test_what_is_held_out_stays_so_when_posts_come_or_an_epoch_is_chosen(tmp_path: Path) -> None:
    first, _ = made(tmp_path / "first", {"alice": factories.sentences(300)})
    more, _ = made(tmp_path / "more", {"alice": factories.sentences(350)})
    best, _ = made(
        tmp_path / "best", {"alice": factories.sentences(300)}, train={**SETTINGS["train"], "choose": "best"}
    )
    assert set(part(first, "heldout")) <= set(part(more, "heldout"))
    assert part(best, "heldout") == part(first, "heldout")


def test_the_seed_chooses_the_part(tmp_path: Path) -> None:
    one, _ = made(tmp_path / "one", {"alice": factories.sentences(300)})
    other, _ = made(tmp_path / "other", {"alice": factories.sentences(300)}, dataset={"seed": 1})
    assert set(part(one, "heldout")) != set(part(other, "heldout"))


def test_the_tokens_are_the_training_posts_in_order_with_their_handles(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    texts = {
        "alice": factories.sentences(60),
        "bob": [*factories.sentences(40, "dear "), "a literal <|endoftext|> here"],
    }
    context, result = made(tmp_path, texts)
    tokens = np.fromfile(context.local(context.keys.dataset("tokens.bin")), dtype=np.int32)
    offsets = np.load(context.local(context.keys.dataset("offsets.npy")))
    owners = np.load(context.local(context.keys.dataset("owners.npy")))
    tokenizer = AutoTokenizer.from_pretrained(context.local_folder(context.keys.dataset("tokenizer")))
    decoded = [tokenizer.decode(tokens[a:b]) for a, b in itertools.pairwise(offsets)]
    assert decoded == part(context, "train")
    assert result["tokens"] == len(tokens) == offsets[-1]
    bobs = [text for text, owner in zip(decoded, owners, strict=True) if owner == 1]
    assert all(text in texts["bob"] for text in bobs)
    assert tokenizer.eos_token_id not in tokens


def test_tiny_s_tokenizer_is_learnt_from_the_training_part_alone(tmp_path: Path) -> None:
    context, _ = made(tmp_path, {"alice": factories.sentences(300)})
    learn = lambda texts: base_model.tokenizer(context.config, texts).backend_tokenizer.to_str()  # noqa: E731
    used = json.loads(context.local(context.keys.dataset("tokenizer/tokenizer.json")).read_text(encoding="utf-8"))
    assert used == json.loads(learn(part(context, "train")))
    assert used != json.loads(learn(factories.sentences(300)))


def test_a_phrase_said_every_day_is_never_what_is_measured(tmp_path: Path) -> None:
    texts = [*factories.sentences(200), *(f"good morning from the harbour, day {i}" for i in range(100))]
    for seed in range(6):
        context, _ = made(tmp_path / str(seed), {"alice": texts}, dataset={"seed": seed})
        assert not any("good morning" in text for text in part(context, "heldout"))


def test_every_handle_must_have_something_to_train_on(tmp_path: Path) -> None:
    texts = {"alice": factories.sentences(100), "bob": ["the very same words again", factories.sentences(1)[0]]}
    refused = 0
    for seed in range(40):
        try:
            made(tmp_path / str(seed), texts, dataset={"seed": seed, "heldout": 0.5}, clean={"min_characters": 10})
        except TooFewPostsError as error:
            refused += 1
            assert str(error).startswith("@bob: all its posts are nearly the same or held out")
    assert refused > 0


@pytest.mark.parametrize(
    ("generate", "says"),
    [
        ({"max_length": 4, "min_length": 0}, "generate.prompt has"),
        ({"max_length": 160, "min_length": 100}, "generate.min_length is 100, but a sample may have 64 tokens at most"),
    ],
)
def test_samples_that_cannot_be_drawn_are_refused_before_training(tmp_path: Path, generate: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        made(tmp_path, {"alice": factories.sentences(100)}, generate=generate)


def test_posts_that_are_all_the_same_are_too_few(tmp_path: Path) -> None:
    with pytest.raises(
        TooFewPostsError, match="no post is left for the heldout part: only 1 of 100 posts are different"
    ):
        made(tmp_path, {"alice": ["the very same words again"] * 100})
