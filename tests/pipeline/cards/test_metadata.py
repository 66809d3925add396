import yaml

from pipeline.cards import hub, metadata
from tests.pipeline.cards import nasty, runs


def test_the_block_is_what_the_run_measured() -> None:
    found = yaml.safe_load(metadata.block(runs.facts()))
    assert list(found)[:6] == [
        "language", "license", "library_name", "pipeline_tag", "base_model", "base_model_relation",
    ]  # fmt: skip
    metrics = found["model-index"][0]["results"][0]["metrics"]
    assert [metric["type"] for metric in metrics] == [
        "perplexity", "bits_per_byte", "base_perplexity", "base_bits_per_byte",
    ]  # fmt: skip


def test_no_prompt_makes_a_block_that_the_hub_refuses() -> None:
    for text in (text for text in nasty.TEXTS if len(text) < 100):
        block = metadata.block(runs.facts({"generate": {"prompt": text}}))
        assert hub.check(f"---\n{block}\n---\n") == []
        assert yaml.safe_load(block)["widget"] == [{"text": text.replace("\ud83e", "\ufffd")}]
