import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from pipeline import oldmodel
from pipeline.errors import ConfigError, HtctlError
from tests import oldmodels


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One old model for tests that only read it."""
    return oldmodels.save(tmp_path_factory.mktemp("old") / "model")


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "model"))


def refusal(folder: Path) -> str:
    """The one line with which a model is refused."""
    with pytest.raises(ConfigError) as caught:
        oldmodel.load(folder, "MODEL")
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(folder), "MODEL")


def test_an_old_model_s_weights_are_read_as_they_were(made: Path) -> None:
    weights = torch.load(made / "pytorch_model.bin", weights_only=True)
    found = oldmodel.load(made, "MODEL").model.state_dict()
    assert len(found) > 20
    assert all(torch.equal(found[name], weights[name]) for name in found)


def test_its_tokenizer_begins_with_the_end_token_and_knows_how_much_it_reads(made: Path) -> None:
    tokenizer = oldmodel.load(made, "MODEL").tokenizer
    assert tokenizer("kettle").input_ids[0] == tokenizer.eos_token_id
    assert tokenizer.model_max_length == oldmodels.POSITIONS


def test_how_it_generated_is_kept_once_and_the_rest_is_the_recipe_s(made: Path) -> None:
    loaded = oldmodel.load(made, "MODEL")
    assert (loaded.generate.top_p, loaded.generate.top_k, loaded.generate.max_length) == (0.9, 50, 160)
    assert not hasattr(loaded.model.config, "task_specific_params")


@pytest.mark.parametrize("told", [None, [], {"text-generation": 3}, {"text-generation": {"top_p": "x", "top_k": -1}}])
def test_an_old_config_may_tell_nothing_of_it(folder: Path, told: Any) -> None:
    settings = json.loads((folder / "config.json").read_bytes())
    (folder / "config.json").write_text(json.dumps({**settings, "task_specific_params": told}))
    assert oldmodel.load(folder, "MODEL").generate.top_p == 0.95


def test_safetensors_are_taken_where_both_are_there_and_the_pickle_is_not_opened(folder: Path) -> None:
    oldmodel.load(folder, "MODEL").model.save_pretrained(folder)
    (folder / "pytorch_model.bin").write_bytes(b"nonsense")
    assert [path.name for path in oldmodel.weights(folder)] == ["model.safetensors"]
    assert oldmodel.load(folder, "MODEL").model.num_parameters() > 0


def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(folder: Path, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    torch.save({"weights": oldmodels.Malicious(touched)}, folder / "pytorch_model.bin")
    assert refusal(folder) == (
        "MODEL/pytorch_model.bin: refused: it holds more than numbers, and to read it would run code (posix.system); "
        "none was run"
    )
    assert not touched.exists()


@pytest.mark.parametrize(("data", "said"), [(b"", "cannot be read"), (b"nonsense", "is no model's weights, or broken")])
def test_weights_that_are_none_are_refused(folder: Path, data: bytes, said: str) -> None:
    (folder / "pytorch_model.bin").write_bytes(data)
    assert refusal(folder).startswith(f"MODEL/pytorch_model.bin: {said}")


def test_a_pickle_of_something_else_is_refused(folder: Path) -> None:
    torch.save(["a", "list"], folder / "pytorch_model.bin")
    assert refusal(folder) == "MODEL/pytorch_model.bin: is no model's weights (names with numbers)"


def test_weights_that_are_missing_are_not_made_up(folder: Path) -> None:
    weights = torch.load(folder / "pytorch_model.bin", weights_only=True)
    torch.save({name: part for name, part in weights.items() if ".h.1." not in name}, folder / "pytorch_model.bin")
    assert re.match(r"MODEL: \d+ weights are missing from its file", refusal(folder))


def test_no_weights_at_all(folder: Path) -> None:
    (folder / "pytorch_model.bin").unlink()
    assert refusal(folder) == "MODEL: no weights: neither model.safetensors nor pytorch_model.bin is there"


def test_what_is_no_gpt2_is_refused(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "bert"}')
    assert refusal(folder) == "MODEL: is no GPT-2 but bert; only GPT-2 models can be adopted"


def test_a_config_that_asks_for_code_of_its_own_gets_none(folder: Path, tmp_path: Path) -> None:
    settings = json.loads((folder / "config.json").read_bytes())
    settings["auto_map"] = {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Own: pass\n")
    assert isinstance(oldmodel.load(folder, "MODEL").model, transformers.GPT2LMHeadModel)
    assert not (tmp_path / "ran").exists()


def test_no_tokenizer(folder: Path) -> None:
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"):
        (folder / name).unlink()
    assert refusal(folder).startswith("MODEL has no tokenizer")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "MODEL: no model is there (config.json is missing)"),
        (b"{", "MODEL/config.json: is not JSON: "),
        (b"[]", "MODEL/config.json: must be a mapping, not list"),
        ("folder", "MODEL/config.json: Is a directory"),
    ],
)
def test_a_config_that_cannot_be_read(folder: Path, data: Any, said: str) -> None:
    (folder / "config.json").unlink()
    if data == "folder":
        (folder / "config.json").mkdir()
    elif data is not None:
        (folder / "config.json").write_bytes(data)
    assert refusal(folder).startswith(said)


def test_a_card_is_put_right_where_its_letters_were_broken(folder: Path) -> None:
    whole = (folder / "README.md").read_bytes().decode()
    assert oldmodel.card(folder) == oldmodel.Card(whole)
    (folder / "README.md").write_bytes(whole.encode().decode("mac_roman").encode())
    assert oldmodel.card(folder) == oldmodel.Card(whole, ("mac_roman",))


def test_no_card_is_no_fault_and_one_that_is_no_text_is(tmp_path: Path) -> None:
    assert oldmodel.card(tmp_path) == oldmodel.Card()
    (tmp_path / "README.md").write_bytes(b"ok \xff")
    with pytest.raises(ConfigError, match=r"README\.md: not UTF-8 \(byte 3\)"):
        oldmodel.card(tmp_path)


def test_the_digest_changes_with_all_that_is_taken_in(folder: Path) -> None:
    first = oldmodel.digest(folder, ("a",))
    (folder / "notes.txt").write_text("not taken in")
    assert oldmodel.digest(folder, ("a",)) == first
    assert oldmodel.digest(folder, ("b",)) != first
    (folder / "README.md").write_text("another card")
    assert oldmodel.digest(folder, ("a",)) != first


@pytest.mark.parametrize("given", ["./nowhere", "/nowhere/at/all", "nowhere", "a/b/c", "~/nowhere"])
def test_what_is_neither_folder_nor_hub_id(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no such folder, and no model's id on a hub"):
        oldmodel.find(given)


def test_a_file_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "model.bin").touch()
    with pytest.raises(ConfigError, match="no such folder"):
        oldmodel.find("some/model.bin")


def test_a_hub_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HtctlError, match=r"'huggingtweets/jeffdean': the hub cannot be reached") as caught:
        oldmodel.find("huggingtweets/jeffdean")
    assert caught.value.exit_code == 1
