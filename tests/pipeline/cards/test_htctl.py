import copy
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard, repocard

from pipeline.cards import htctl
from tests import factories

SCORE = {"nats": 1.0, "tokens": 9, "posts": 7, "bytes": 90, "perplexity": 93.25, "bits_per_byte": 2.345678}
COUNTS = {"downloaded": 3234, "retweets": 541, "short": 414, "kept": 2279, "characters": 99999}
FACTS: dict[str, Any] = {
    "bot": "uppityducky",
    "run": "b-00000000",
    "versions": {"htctl": "0.1.0", "torch": "2.13.0+cpu"},
    "scrape": {"handles": {"uppityducky": {"oldest": "2020-01-02T03:04:05Z", "newest": ""}}},
    "clean": {"handles": {"uppityducky": COUNTS}, "languages": ["en"]},
    "dataset": {"train": {"posts": 2000}, "validation": {"posts": 0}, "heldout": {"posts": 279}},
    "train": {
        "before": {**SCORE, "bits_per_byte": 4.0}, "after": SCORE, "epoch": 4, "steps": 300, "seconds": 61.5,
        "parameters": 124439808, "precision": "bf16", "device": "CPU (x86_64)", "threads": 2,
    },
    "generate": {"prompt": "My dream is", "samples": ["My dream is a | pipe"],
                 "copies": {"posts": 100, "verbatim": 1, "near": 3}},
}  # fmt: skip


def card(config: dict[str, Any] | None = None, **changes: Any) -> str:
    facts = copy.deepcopy(FACTS)
    facts["config"] = factories.run_config(
        handles=["uppityducky"], base_model="openai-community/gpt2", **(config or {})
    )
    for path, value in changes.items():
        first, _, last = path.partition("__")
        if last:
            facts[first][last] = value
        else:
            facts[first] = value
    return htctl.write(facts)


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
    assert results == {"perplexity": 93.25, "bits_per_byte": 2.3457}
    assert (read.data.eval_results or [])[0].dataset_name == "Held-out posts of uppityducky"


def test_norwegian_is_not_false() -> None:
    text = card(clean__languages=["no", "en"])
    assert metadata(text)["language"] == ["no", "en"]


@pytest.mark.parametrize("base_model", ["tiny", "/home/me/models/mine"])
def test_only_a_hub_id_is_named_as_base_model(base_model: str) -> None:
    facts = copy.deepcopy(FACTS)
    facts["config"] = factories.run_config(handles=["uppityducky"], base_model=base_model)
    assert "base_model" not in metadata(htctl.write(facts))
    assert "/home/me" not in htctl.write(facts)


def test_counts_stand_in_a_table() -> None:
    text = card()
    assert "|  | @uppityducky |\n| --- | ---: |\n| Posts downloaded | 3,234 |\n| Retweets | 541 |\n" in text
    assert "| Short posts | 414 |\n| Posts kept | 2,279 |\n| Oldest | 2020-01-02 |\n| Newest | unknown |\n" in text


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
    snippet = card(generate__prompt='say "hi"\n').split("```python\n")[1].split("```")[0]
    compile(snippet, "snippet", "exec")
    assert r'bot("say \"hi\"\n"' in snippet


def test_no_paragraph_breaks_are_doubled() -> None:
    assert "\n\n\n" not in card()
    assert card().endswith("the posts belong to those who wrote them.\n")
