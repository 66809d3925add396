from typing import Any

import pytest
import yaml

from pipeline.cards import hub

SOUND: dict[str, Any] = {
    "language": ["en", "no", "multilingual", "gsw"],
    "license": "mit",
    "library_name": "transformers",
    "pipeline_tag": "text-generation",
    "base_model": "openai-community/gpt2",
    "tags": ["huggingtweets"],
    "widget": [{"text": "no"}],
    "thumbnail": "https://x.example/predictions.png",
    "model-index": [
        {
            "name": "bot",
            "results": [
                {
                    "task": {"type": "text-generation"},
                    "dataset": {"type": "held-out", "name": "Held out"},
                    "metrics": [{"type": "perplexity", "value": 9.5}],
                }
            ],
        }
    ],
}


def problems(data: Any) -> list[str]:
    return list(map(str, hub.check(f"---\n{yaml.safe_dump(data)}---\n\n# Card\n")))


def test_a_sound_card_has_no_problems() -> None:
    assert problems(SOUND) == []
    assert hub.check("---\r\nlicense: mit\r\n---\r\n") == []
    assert hub.check("\ufeff---\nlicense: mit\n---") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# Card\n", "no metadata; begin the file with a line of ---"),
        ("", "no metadata"),
        ("---\nlicense: mit\n# Card", "no metadata"),
        ("---\n- a\n---\n", "must be a mapping such as 'license: mit', not a list"),
        ("---\nlicense: mit\na: b: c\n---\n", "no sound YAML: line 3: mapping values are not allowed here"),
        ("---\nlicense: mit\ntags: [a]\nlicense: isc\n---\n", "line 4: the key 'license' is there twice"),
        ("---\nx: \x01\n---\n", "no sound YAML: unacceptable character"),
        ("---\nx: " + "[" * 1200 + "\n---\n", "no sound YAML"),
    ],
)
def test_a_file_without_sound_metadata(text: str, problem: str) -> None:
    found = hub.check(text)
    assert len(found) == 1
    assert problem in str(found[0])


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"language": False}, "language: must be a language's code, such as en; YAML takes this word for true or"),
        ({"language": ["en", 5]}, "language[1]: must be a language's code"),
        ({"language": "en-US"}, "language: 'en-US' names a region or script; write 'en' here"),
        ({"language": "english"}, "language: 'english' is no code of ISO 639"),
        ({"language": "EN"}, "language: 'EN' is no code of ISO 639"),
        ({"license": "MIT"}, "license: 'MIT' is no licence that the Hub knows; did you mean 'mit'?"),
        ({"license": 2}, "license: must be a licence's id"),
        ({"base_model": "/home/me/gpt2"}, "base_model: '/home/me/gpt2' is no model id; write OWNER/NAME"),
        ({"base_model": ["a/b", "./x"]}, "base_model[1]: './x' is no model id"),
        ({"base_model": "https://hub.example/a/b"}, "is no model id"),
        ({"base_model": "a/" + "x" * 100}, "is no model id"),
        ({"base_model_relation": "child"}, "base_model_relation: 'child' is no relation to a base model"),
        ({"tags": "huggingtweets"}, "tags: must be a list of texts, not 'huggingtweets'"),
        ({"tags": ["a", True]}, "tags[1]: must be text; YAML takes this word for true or false"),
        ({"pipeline_tag": "text generation"}, "pipeline_tag: 'text generation' is no task of the Hub"),
        ({"thumbnail": "predictions.png"}, "thumbnail: must be the picture's whole address (https://...)"),
        ({"widget": "My dream is"}, "widget: must be a list of examples"),
        ({"widget": [{"text": False}]}, "widget[0]: must have 'text' that is text; put quotes around it"),
        ({"datasets": ["my tweets"]}, "datasets[0]: 'my tweets' is no data set's id"),
        ({"metrics": "perplexity"}, "metrics: must be a list of texts"),
        ({"model-index": {"name": "x"}}, "model-index: must be a list with at least one entry"),
        ({"model-index": ["x"]}, "model-index[0]: must be a mapping, not 'x'"),
        ({"model-index": [{"name": "x"}]}, "model-index[0].results: must be a list"),
    ],
)
def test_each_thing_that_the_hub_refuses_has_its_path_and_a_cure(changes: dict[str, Any], problem: str) -> None:
    found = problems({**SOUND, **changes})
    assert len(found) == 1
    assert problem in found[0]


@pytest.mark.parametrize(
    ("part", "value", "problem"),
    [
        ("task", {}, "model-index[0].results[0].task.type: must be text, not nothing"),
        ("task", "x", "model-index[0].results[0].task: must be a mapping with type"),
        ("dataset", {"type": "a b", "name": "x"}, "dataset.type: 'a b' has the wrong form"),
        ("dataset", {"type": "a"}, "dataset.name: must be text, not nothing"),
        ("dataset", {"type": "a", "name": "x", "args": 5}, "dataset.args: must be a mapping"),
        ("metrics", [], "metrics: must be a list with at least one entry"),
        ("metrics", [{"type": "a"}], "metrics[0].value: must be a number that is one, not nothing"),
        ("metrics", [{"type": "a", "value": float("nan")}], "metrics[0].value: must be a number that is one, not nan"),
        ("metrics", [{"value": 1}], "metrics[0].type: must be text, not nothing"),
    ],
)
def test_each_thing_that_is_wrong_in_a_model_index(part: str, value: Any, problem: str) -> None:
    result = {**SOUND["model-index"][0]["results"][0], part: value}
    found = problems({**SOUND, "model-index": [{"name": "x", "results": [result]}]})
    assert len(found) == 1
    assert problem in found[0]


def test_all_problems_come_at_once() -> None:
    assert len(problems({**SOUND, "language": "xx-y", "license": "nonsense", "tags": 5})) == 3


def test_keys_that_nobody_knows_pass() -> None:
    assert problems({**SOUND, "inference": False, "extra_gated_prompt": "x"}) == []
