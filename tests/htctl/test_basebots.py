import json
from pathlib import Path

import pytest

from htctl import basebots, batchfile
from pipeline import layout
from pipeline.errors import ConfigError
from pipeline.layout import RunKeys
from pipeline.store import Store
from tests import factories


def add_bot(store: Store, bot: str, run: str, base_model: str = "tiny", *, current: bool = True) -> None:
    keys = RunKeys(bot, run)
    store.write(keys.config, json.dumps({"asked": {"base_model": base_model}}).encode())
    store.write(keys.model("model.safetensors"), b"weights")
    if current:
        store.write(layout.latest(bot), json.dumps({"run": run}).encode())


def base_of(store: Store, base_model: str) -> str:
    return basebots.named(store, base_model).base_model


def test_a_bot_is_its_current_run(store: Store) -> None:
    add_bot(store, "alice-bob", "r-1")
    assert base_of(store, "bot:alice-bob") == "bot:alice-bob/r-1"
    assert base_of(store, "bot:Bob+alice") == "bot:alice-bob/r-1"


def test_a_run_may_be_named(store: Store) -> None:
    add_bot(store, "alice", "r-1", current=False)
    add_bot(store, "alice", "r-2")
    assert base_of(store, "bot:alice/r-1") == "bot:alice/r-1"


def test_what_was_made_from_its_own_past_goes_back_to_it(store: Store) -> None:
    """Else the same command again would be another run, trained on what it has just made."""
    add_bot(store, "alice", "adopted-1", current=False)
    add_bot(store, "alice", "r-2", "bot:alice/adopted-1", current=False)
    add_bot(store, "alice", "r-3", "bot:alice/r-2")
    assert base_of(store, "bot:alice") == "bot:alice/adopted-1"
    add_bot(store, "bob", "r-1", "bot:alice/r-3")
    assert base_of(store, "bot:bob") == "bot:bob/r-1"


@pytest.mark.parametrize(
    ("base_model", "said"),
    [
        ("bot:carol", "base_model 'bot:carol': no bot 'carol' in .*; it holds alice"),
        ("bot:", "base_model 'bot:': no bot ''"),
        ("bot:alice/r-9", "base_model 'bot:alice/r-9': .*r-9/model/model.safetensors is missing"),
    ],
)
def test_a_bot_that_is_not_there(store: Store, base_model: str, said: str) -> None:
    add_bot(store, "alice", "r-1")
    with pytest.raises(ConfigError, match=said):
        basebots.named(store, base_model)


def test_a_batch_says_which_run_it_is(store: Store, tmp_path: Path) -> None:
    add_bot(store, "alice", "r-1")
    factories.write_posts(tmp_path / "a.jsonl", ["x"])
    data = {
        "defaults": {"posts": {"carol": "a.jsonl", "dan": "a.jsonl"}},
        "groups": [{"handles": ["carol"], "base_model": "bot:alice"}, "dan"],
    }
    batch = batchfile.build(data, {}, name="b", folder=tmp_path)
    pinned = basebots.pinned(batch, store)
    assert [group.settings.base_model for group in pinned.groups] == ["bot:alice/r-1", "openai-community/gpt2"]
