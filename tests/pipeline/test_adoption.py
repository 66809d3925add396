import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

from pipeline import adoption, layout
from pipeline.errors import ConfigError, StoreError
from pipeline.layout import RunKeys
from pipeline.progress import Report
from pipeline.store.folder import FolderStore
from pipeline.store.objects import read_json
from tests import hub, oldmodels
from tests.pipeline.training.test_base_model import save_model


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return oldmodels.save(tmp_path_factory.mktemp("old") / "model")


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "model"))


def adopt(folder: Path, store: FolderStore, *handles: str, replace: bool = False) -> tuple[RunKeys, list[str]]:
    """Where the adopted run lies, and what was said."""
    report = Report()
    bot = adoption.adopt(str(folder), handles, store, replace, report)
    return RunKeys(bot, read_json(store, layout.latest(bot))["run"]), [line.partition(" ")[2] for line in report.said]


def with_card(folder: Path, card: str) -> Path:
    shutil.copy(oldmodels.GOLDEN / f"{card}.md", folder / "README.md")
    return folder


def test_an_old_model_is_a_bot_with_all_that_readers_of_a_run_take(made: Path, store: FolderStore) -> None:
    keys, said = adopt(made, store)
    assert (keys.bot, keys.run[:8], said) == ("jeffdean", "adopted-", [])
    assert [entry.key.removeprefix(keys.model("")) for entry in store.list(keys.model(""))] == [
        "README.md",
        "card.json",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    with safe_open(Path(store.address) / keys.model("model.safetensors"), "pt") as file:
        assert not [name for name in file.keys() if "masked_bias" in name]  # noqa: SIM118 - it is no mapping
    assert read_json(store, keys.model("generation_config.json"))["top_p"] == 0.9
    pointer = read_json(store, layout.latest("jeffdean"))
    assert (pointer["handles"], pointer["base_model"], pointer["bits_per_byte"]) == (["jeffdean"], "gpt2", None)


def test_its_card_stays_as_it_was_and_its_numbers_are_read(made: Path, store: FolderStore) -> None:
    keys, _ = adopt(made, store)
    kept = store.read(keys.model("README.md"))
    assert kept is not None
    assert kept.data == (oldmodels.GOLDEN / "jeffdean.md").read_bytes()
    told = json.loads((oldmodels.GOLDEN / "jeffdean.json").read_text(encoding="utf-8"))
    assert {**read_json(store, keys.model("card.json")), "thumbnail": ""} == {**told, "thumbnail": ""}
    assert read_json(store, keys.config)["adopted"]["card"]["accounts"][0]["kept"] == 2143


def test_a_card_with_broken_letters_is_kept_put_right(folder: Path, store: FolderStore) -> None:
    whole = (folder / "README.md").read_bytes()
    (folder / "README.md").write_bytes(whole.decode().encode().decode("mac_roman").encode())
    keys, said = adopt(folder, store)
    kept = store.read(keys.model("README.md"))
    assert kept is not None
    assert kept.data == whole
    assert said == ["card: UTF-8 that was read as mac_roman; put right"]


def test_the_same_again_changes_nothing(made: Path, store: FolderStore) -> None:
    keys, _ = adopt(made, store)
    before = {entry.key: store.version(entry.key) for entry in store.list(keys.model(""))}
    pointer = store.read(layout.latest("jeffdean"))
    assert adopt(made, store)[0] == keys
    assert {entry.key: store.version(entry.key) for entry in store.list(keys.model(""))} == before
    assert store.read(layout.latest("jeffdean")) == pointer


def test_one_that_was_stopped_half_way_is_gone_on_with(made: Path, store: FolderStore) -> None:
    keys, _ = adopt(made, store)
    for key in (keys.stage("publish"), keys.model("model.safetensors"), layout.latest("jeffdean")):
        store.delete(key)
    assert adopt(made, store)[0] == keys
    assert store.exists(keys.model("model.safetensors"))


def test_a_bot_that_is_there_stays_unless_it_is_asked_for(made: Path, store: FolderStore) -> None:
    store.write(layout.latest("jeffdean"), b'{"run": "ours-00000000"}')
    with pytest.raises(StoreError, match=r"jeffdean is there already \(its run ours-00000000\); --replace"):
        adopt(made, store)
    assert list(store.folders("bots/jeffdean/runs/")) == []
    assert re.fullmatch("adopted-[0-9a-f]{8}", adopt(made, store, replace=True)[0].run)


def test_a_bot_that_came_meanwhile_is_not_replaced(
    made: Path, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(*arguments: Any) -> Any:
        store.write(layout.latest("jeffdean"), b'{"run": "ours-00000000"}')
        return loaded(*arguments)

    loaded = adoption.oldmodel.load
    monkeypatch.setattr(adoption.oldmodel, "load", meanwhile)
    with pytest.raises(StoreError, match=r"another current run, ours-00000000; adopted-.* is kept: run again"):
        adopt(made, store)
    assert read_json(store, layout.latest("jeffdean")) == {"run": "ours-00000000"}


def test_a_cyborg_s_handles_may_be_given_in_the_order_of_its_columns(folder: Path, store: FolderStore) -> None:
    with_card(folder, "h_ototake-hirox246-ochyai")
    keys, said = adopt(folder, store)
    assert keys.bot == "h_ototake-hirox246-ochyai"
    assert "does not tell which column is whose" in said[0]
    keys, said = adopt(folder, store, "hirox246", "ochyai", "h_ototake", replace=True)
    told = json.loads((oldmodels.GOLDEN / f"{keys.bot}.json").read_text(encoding="utf-8"))
    assert read_json(store, keys.model("card.json")) == told
    assert said == []


def test_without_a_card_the_person_must_say_whose_it_is(folder: Path, store: FolderStore) -> None:
    (folder / "README.md").unlink()
    with pytest.raises(ConfigError, match=r"it is no card of huggingtweets; say whose bot it is: --handles a\+b"):
        adopt(folder, store)
    keys, said = adopt(folder, store, "Alice", "bob")
    assert keys.bot == "alice-bob"
    assert said == ["warning: the model has no card (README.md), so its numbers are not known"]
    assert not store.exists(keys.model("card.json"))
    assert store.exists(keys.model("README.md"))


def test_another_card_is_kept_and_not_read(folder: Path, store: FolderStore) -> None:
    (folder / "README.md").write_text("# Some model\n", encoding="utf-8")
    keys, said = adopt(folder, store, "alice")
    kept = store.read(keys.model("README.md"))
    assert kept is not None
    assert kept.data == b"# Some model\n"
    assert said == ["warning: no numbers are read from the card: it is no card of huggingtweets"]


def test_a_card_without_numbers_is_said(folder: Path, store: FolderStore) -> None:
    text = with_card(folder, "abkazias").joinpath("README.md").read_text(encoding="utf-8")
    (folder / "README.md").write_text(text.replace("| Retweets | 242 |\n", ""), encoding="utf-8")
    keys, said = adopt(folder, store)
    assert keys.bot == "abkazias"
    assert said == ["warning: no numbers are read from the card: it does not tell: Retweets"]


def test_handles_that_the_card_contradicts_are_refused(made: Path, store: FolderStore) -> None:
    with pytest.raises(ConfigError, match=r"it is the card of @jeffdean, not of @alice"):
        adopt(made, store, "alice")


@pytest.mark.parametrize(("handles", "said"), [(["a", "A"], "@a is named twice"), (["a b"], "'a b' is not a handle")])
def test_handles_that_are_none_are_refused(folder: Path, store: FolderStore, handles: list[str], said: str) -> None:
    (folder / "README.md").unlink()
    with pytest.raises(ConfigError, match=f"--handles: {said}"):
        adopt(folder, store, *handles)


def test_what_is_refused_leaves_no_bot(folder: Path, store: FolderStore) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"nonsense")
    with pytest.raises(ConfigError):
        adopt(folder, store)
    assert not store.exists(layout.latest("jeffdean"))


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "pipeline.adoption", *arguments]
    environment = {**os.environ, "HF_HUB_DISABLE_XET": "1", **environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_hub_s_model_is_fetched_without_what_is_not_needed(tmp_path: Path) -> None:
    remote = oldmodels.save(tmp_path / "models" / "huggingtweets" / "uppityducky", "uppityducky")
    (remote / "training_args.bin").write_bytes(b"a pickle that nobody needs")
    store = FolderStore(tmp_path / "store")
    with hub.serve(tmp_path / "models") as endpoint:
        known = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "cache")}
        found = run("huggingtweets/uppityducky", "--store", store.address, **known)
        unknown = run("huggingtweets/nobody", "--store", store.address, **known)
    assert (found.returncode, found.stdout) == (0, "uppityducky\n"), found.stderr
    about = read_json(store, RunKeys("uppityducky", next(iter(store.folders("bots/uppityducky/runs/")))).config)
    assert (about["adopted"]["from"], about["adopted"]["made"]) == ("huggingtweets/uppityducky", "2021-05-14")
    assert not list((tmp_path / "cache").rglob("training_args.bin"))
    assert unknown.returncode == 64
    assert "the hub has no such model" in unknown.stderr
    away = run(
        "huggingtweets/x", "--store", store.address, HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path / "c")
    )
    assert away.returncode == 1
    assert "the hub cannot be reached" in away.stderr


def test_a_bot_of_today_can_be_adopted_too(tmp_path: Path, store: FolderStore) -> None:
    keys, _ = adopt(save_model(tmp_path / "new"), store, "alice")
    assert store.exists(keys.model("model.safetensors"))
