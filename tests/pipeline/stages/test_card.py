import json

from pipeline.stages import card  # noqa: F401 - what this file is about
from tests.conftest import Finished


def test_the_card_and_the_numbers_lie_beside_the_weights(finished: Finished) -> None:
    text = (finished.model / "README.md").read_text(encoding="utf-8")
    metrics = json.loads((finished.model / "metrics.json").read_text(encoding="utf-8"))
    assert f"{metrics['train']['after']['bits_per_byte']:.3f} |" in text
    assert all(sample.split()[-1][:3] in text for sample in metrics["generate"]["samples"])
    assert metrics["config"]["train"]["epochs"] == 2
    assert "base_model:" not in text


def test_where_the_store_is_stays_at_home(finished: Finished) -> None:
    for name in ("README.md", "metrics.json"):
        assert finished.store.address not in (finished.model / name).read_text(encoding="utf-8")
