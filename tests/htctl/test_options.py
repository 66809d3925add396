import types
from typing import Any

import pytest

from htctl import options
from pipeline import layout
from pipeline.errors import ConfigError
from pipeline.store.folder import FolderStore


def test_option_before_environment_before_file_before_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HTCTL_STORE", raising=False)
    assert options.store_address("") == "htctl-store"
    assert options.store_address("", "from-file") == "from-file"
    monkeypatch.setenv("HTCTL_STORE", "from-environment")
    assert options.store_address("", "from-file") == "from-environment"
    assert options.store_address("from-option", "from-file") == "from-option"


def test_set_reads_values_as_yaml_where_they_are_no_text() -> None:
    given = ["train.epochs=2", "train.learning_rate=1e-4", "clean.rules=original"]
    assert options.settings(given) == {"train": {"epochs": 2, "learning_rate": "1e-4"}, "clean": {"rules": "original"}}


@pytest.mark.parametrize("text", ["My dream is", "Hello # world", "I think: yes", "2026", "no", "", "a=b"])
def test_set_takes_a_text_as_it_is(text: str) -> None:
    assert options.settings([f"generate.prompt={text}"]) == {"generate": {"prompt": text}}


def test_set_reads_kubernetes_settings_alike() -> None:
    given = ["kubernetes.image=1.0", "kubernetes.queue=", "kubernetes.secrets=[a, b]", "kubernetes.env.A='1'"]
    assert options.settings(given) == {
        "kubernetes": {"image": "1.0", "queue": "", "secrets": ["a", "b"], "env": {"A": "1"}}
    }


@pytest.mark.parametrize(
    "given", [["train.epochs"], ["=2"], ["train=1", "train.epochs=2"], ["train.epochs=1", "train.epochs=2"]]
)
def test_set_without_sense_is_refused(given: list[str]) -> None:
    with pytest.raises(ConfigError, match="--set"):
        options.settings(given)


def test_a_bot_by_its_id_or_its_handles(store: FolderStore) -> None:
    store.write(layout.latest("alice-bob"), b"{}")
    for given in ("alice-bob", "bob+alice", "@Bob+Alice"):
        assert options.existing_bot(store, given) == "alice-bob"


def test_an_unknown_bot_names_those_there_are(store: FolderStore) -> None:
    with pytest.raises(ConfigError, match="none yet"):
        options.existing_bot(store, "alice")
    store.write(layout.latest("alice-bob"), b"{}")
    store.write("bots/unfinished/runs/r/config.json", b"{}")
    with pytest.raises(ConfigError, match=r"no bot 'alice' in .*; it holds alice-bob$"):
        options.existing_bot(store, "alice")


@pytest.mark.parametrize(("given", "json"), [("", False), ("json", True)])
def test_the_format(given: str, json: bool) -> None:
    assert options.wants_json(given) is json


def test_another_format_is_refused() -> None:
    wrong: Any = "yaml"
    with pytest.raises(ConfigError, match="-o yaml: must be json"):
        options.wants_json(wrong)


def test_a_bucket_has_a_price_and_a_folder_only_if_told(store: FolderStore) -> None:
    assert options.price(None, store) is None
    assert options.price(0.01, store) == 0.01
    bucket: Any = types.SimpleNamespace(address="s3://bots")
    assert options.price(None, bucket) == 0.023
    assert options.price(0.0, bucket) == 0
