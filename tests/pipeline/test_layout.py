"""The store's layout is a contract with every bot that was ever published."""

from pipeline import layout


def test_keys() -> None:
    keys = layout.RunKeys("uppityducky", "vtubers-0a1b2c3d")
    assert keys.config == "bots/uppityducky/runs/vtubers-0a1b2c3d/config.json"
    assert keys.stage("train") == "bots/uppityducky/runs/vtubers-0a1b2c3d/stages/train.json"
    assert keys.posts("a.jsonl.gz") == "bots/uppityducky/runs/vtubers-0a1b2c3d/posts/a.jsonl.gz"
    assert keys.dataset("tokens.bin") == "bots/uppityducky/runs/vtubers-0a1b2c3d/dataset/tokens.bin"
    assert keys.model("README.md") == "bots/uppityducky/runs/vtubers-0a1b2c3d/model/README.md"
    assert keys.log == "bots/uppityducky/runs/vtubers-0a1b2c3d/log.txt"
    assert keys.tracker == "bots/uppityducky/runs/vtubers-0a1b2c3d/wandb.json"
    assert keys.tracked("a/b") == "bots/uppityducky/runs/vtubers-0a1b2c3d/wandb/a/b"
    assert layout.latest("uppityducky") == "bots/uppityducky/latest.json"
    assert layout.posts_file("ff", "data") == "posts/file/ff/data"


def test_a_key_s_bot_and_run() -> None:
    keys = layout.RunKeys("alice-bob", "nightly-0a1b2c3d")
    assert layout.place(keys.stage("train")) == ("alice-bob", "nightly-0a1b2c3d", "stages/train.json")
    assert layout.place(keys.lease) == ("alice-bob", "nightly-0a1b2c3d", "lease.json")
    assert layout.place(layout.latest("alice-bob")) == ("alice-bob", "", "latest.json")
    for key in (layout.posts_file("ff", "data"), "bots/stray", "batches/b/batch.json"):
        assert layout.place(key) == ("", "", key)


def test_a_bot_as_a_base_model_and_back() -> None:
    keys = layout.RunKeys("alice-bob", "adopted-12345678")
    assert keys.base_model == "bot:alice-bob/adopted-12345678"
    assert layout.base_bot(keys.base_model) == keys
    assert layout.is_adopted(keys.base_model)
    assert not layout.is_adopted("bot:alice/r-1")
    assert not layout.is_adopted("someone/adopted-model")
