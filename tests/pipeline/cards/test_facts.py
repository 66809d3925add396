import json

import pytest

from pipeline.cards import TEMPLATES, facts
from pipeline.errors import StoreError
from pipeline.layout import RunKeys
from pipeline.settings import CARDS
from pipeline.store.folder import FolderStore
from tests.conftest import Finished


@pytest.mark.parametrize("template", CARDS)
def test_a_finished_run_s_card_can_be_written_anew(finished: Finished, template: str) -> None:
    text = TEMPLATES[template](facts.of_run(finished.store, finished.keys))
    if template == finished.config.card:
        assert text.encode() == (finished.model / "README.md").read_bytes()
    assert "Alice" in text


def test_what_is_left_of_half_a_run_is_too_little(store: FolderStore) -> None:
    keys = RunKeys("alice", "b-00000000")
    with pytest.raises(StoreError, match="nothing is left of scrape, clean, dataset, train, generate"):
        facts.of_run(store, keys)
    for name in facts.NEEDED:
        store.write(keys.stage(name), json.dumps({"result": {"a": 1}}).encode())
    with pytest.raises(StoreError, match="nothing is left of its config"):
        facts.of_run(store, keys)
