import importlib
import inspect

from pipeline.plan import STAGES


def test_every_stage_is_a_module_with_run_of_a_context() -> None:
    for name in STAGES:
        stage = importlib.import_module(f"pipeline.stages.{name}")
        assert list(inspect.signature(stage.run).parameters) == ["context"]


def test_publishing_is_last_and_scraping_first() -> None:
    assert (STAGES[0], STAGES[-1]) == ("scrape", "publish")
