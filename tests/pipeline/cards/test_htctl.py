from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard, repocard
from markdown_it import MarkdownIt

from pipeline.cards import escape, htctl
from tests.pipeline.cards import nasty, runs


def card(config: dict[str, Any] | None = None, **changes: Any) -> str:
    return htctl.write(runs.facts(config, **changes))


def metadata(text: str) -> dict[str, Any]:
    """As a hub reads it: the library's own search for the block, and plain YAML."""
    block = repocard.REGEX_YAML_BLOCK.search(text)
    assert block
    return dict(yaml.safe_load(block.group(2)))


def test_the_hub_s_fields_are_there_and_sound() -> None:
    found = metadata(card())
    assert found["language"] == ["en"]
    assert found["license"] == "mit"
    assert found["library_name"] == "transformers"
    assert found["pipeline_tag"] == "text-generation"
    assert found["base_model"] == "openai-community/gpt2"
    assert found["tags"] == ["huggingtweets", "htctl"]
    assert found["widget"] == [{"text": "My dream is"}]


def test_the_hub_s_own_library_reads_the_measured_numbers() -> None:
    read = ModelCard(card())
    results = {result.metric_type: result.metric_value for result in read.data.eval_results or []}
    bases = {"base_perplexity": 2000.5, "base_bits_per_byte": 4.0}
    assert results == {"perplexity": 93.25, "bits_per_byte": 2.3457, **bases}
    first = (read.data.eval_results or [])[0]
    assert first.dataset_name == "Held-out posts of uppityducky"
    assert first.dataset_args == {"posts": 279, "bytes": 90, "tokens": 9, "share": 0.1, "seed": 0}
    assert "between end tokens" in (first.metric_args or {})["how"]


def test_norwegian_is_not_false() -> None:
    text = card(clean__languages=["no", "en"])
    assert metadata(text)["language"] == ["no", "en"]


@pytest.mark.parametrize("base_model", ["tiny", "/home/me/models/mine"])
def test_only_a_hub_id_is_named_as_base_model(base_model: str) -> None:
    text = card({"base_model": base_model})
    assert "base_model" not in metadata(text)
    assert "base_model_relation" not in metadata(text)
    assert "/home/me" not in text


def test_counts_stand_in_a_table() -> None:
    text = card()
    assert "|  | @uppityducky |\n| --- | ---: |\n| Posts downloaded | 3,234 |\n| Retweets | 541 |\n" in text
    kept = "| Short posts | 414 |\n| Posts kept | 2,279 |\n| Characters kept | 99,999 |\n"
    assert kept + "| Oldest | 2020-01-02 |\n| Newest | unknown |\n" in text


def test_numbers_before_and_after_and_the_copies() -> None:
    text = card()
    assert "| Bits per byte | 4.000 | 2.346 |" in text
    assert "1 repeat a training post word for word and 3 word for word or nearly" in text


def test_strangers_text_cannot_break_out() -> None:
    nasty = 'x" | </script>\n---\n# gone'
    text = card({"generate": {"prompt": nasty}}, generate__prompt=nasty, generate__samples=[nasty])
    assert "</script>" not in text.split("```")[2]
    assert metadata(text)["widget"] == [{"text": nasty}]
    assert "\n# gone" not in text


def test_the_snippet_s_prompt_is_a_python_string() -> None:
    snippet = card(generate__prompt='say "hi" 🐤\n').split("```python\n")[1].split("```")[0]
    compile(snippet, "snippet", "exec")
    assert r'bot("say \"hi\" 🐤\n"' in snippet


def test_no_paragraph_breaks_are_doubled() -> None:
    assert "\n\n\n" not in card()
    assert card().endswith("the posts belong to those who wrote them.\n")
    assert "\n\n\n" not in card(generate__copies={"posts": 0, "verbatim": 0, "near": 0})


def test_what_never_counted_as_a_post_is_told_where_there_was_any() -> None:
    text = card(scrape__handles={"uppityducky": {"oldest": "", "newest": "", "duplicates": 3, "skipped": 0}})
    assert "| Posts given again, not counted | 3 |\n| Posts downloaded |" in text
    assert "hold no post" not in text


@pytest.mark.parametrize(
    "told",
    [
        "Languages of a tenth of the posts or more: en.",
        "300 of 1 x 1,024 tokens; 307,200 tokens read in all",
        "| Hardware | CPU (x86_64), 2 threads |",
        "| Time | 62 s of training |",
        "| Versions | htctl 0.1.0, torch 2.13.0+cpu |",
        "2,000 were trained on and 279 were held out",
        "## Generated samples\n\nWritten by the machine, not by a person",
        "1.0 % of its posts were copies",
        "the consent of the accounts' owners",
        "must not use it to make people believe that a person said what it wrote",
        '"to fine-tune or train a foundation or frontier model"',
        "you do not want this bot?** Ask whoever published it to take it down",
        "the folder `bots/uppityducky`",
    ],
)
def test_what_a_reader_must_know_is_there(told: str) -> None:
    assert told in card()


def test_samples_are_a_list_of_plain_texts_whatever_they_hold() -> None:
    samples = [text for text in nasty.texts() if text.strip()]
    body = card(generate__samples=samples).split("\n---\n", 1)[1]
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(body)
    items = [index for index, token in enumerate(tokens) if token.type == "list_item_open"]
    shown = [tokens[index + 2].content for index in items]
    assert len(items) == len(samples)
    assert shown == [escape.markdown(sample) for sample in samples]


def test_a_bot_that_goes_on_from_another_says_so() -> None:
    text = card({"base_model": "bot:alice/r-12345678"})
    assert "It is the bot alice/r-12345678 (124,439,808 parameters), fine-tuned further." in text
    assert '"Before" is the bot of this store that the training began with, alice/r-12345678.' in text
    assert "base_model" not in metadata(text)
    assert "may have been trained on posts that are held out" not in text


def test_of_an_adopted_one_it_is_not_known_what_it_has_seen() -> None:
    assert "**It may have been trained on posts that are held out here**" in card({"base_model": "bot:a/adopted-1"})
