import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ConfigError, HtctlError
from pipeline.training import base_model, tiny
from tests import factories, hub

TEXTS = factories.sentences(50)


def save_model(folder: Path, positions: int = 64) -> Path:
    """A small GPT-2 as any hub has it: its tokenizer adds no start token."""
    tokenizer = tiny.tokenizer(TEXTS, positions)
    tiny.model(len(tokenizer), tokenizer.eos_token_id, positions, 3).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_prompt_begins_with_the_end_token_once_and_training_text_with_none() -> None:
    tokenizer = base_model.tokenizer(factories.run_config(), TEXTS)
    end = tokenizer.eos_token_id
    ids = tokenizer("kettle").input_ids
    assert ids[0] == end
    assert end not in ids[1:]
    assert base_model.plain_tokens(tokenizer, ["kettle"]) == [ids[1:]]


def test_a_special_token_s_name_in_a_post_is_text() -> None:
    tokenizer = base_model.tokenizer(factories.run_config(), TEXTS)
    (ids,) = base_model.plain_tokens(tokenizer, ["before <|endoftext|> after"])
    assert tokenizer.eos_token_id not in ids
    assert tokenizer.decode(ids) == "before <|endoftext|> after"


def test_a_folder_is_loaded_in_fp32(tmp_path: Path) -> None:
    config = factories.run_config(base_model=str(save_model(tmp_path / "model")), train={"block_size": 64})
    tokenizer = base_model.tokenizer(config, [])
    model = base_model.model(config, tokenizer)
    assert str(model.dtype) == "torch.float32"
    assert tokenizer("kettle").input_ids[0] == tokenizer.eos_token_id


def test_blocks_longer_than_the_model_reads_are_refused(tmp_path: Path) -> None:
    config = factories.run_config(base_model=str(save_model(tmp_path / "model")))
    with pytest.raises(ConfigError, match=r"train\.block_size is 1024, but .* reads at most 64 tokens"):
        base_model.model(config, None)


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all"])
def test_a_folder_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        base_model.tokenizer(factories.run_config(base_model=name), [])


def test_a_folder_without_a_model_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        base_model.model(factories.run_config(base_model=str(tmp_path)), None)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def load_from_hub(endpoint: str, name: str, cache: Path) -> "subprocess.CompletedProcess[str]":
    """Tokenizer and model of a hub id, in a process that knows the hub by its environment alone."""
    code = (
        "from pipeline.training import base_model; from tests import factories\n"
        "from pipeline.errors import HtctlError\n"
        f"config = factories.run_config(base_model={name!r}, train={{'block_size': 64}})\n"
        "try:\n"
        "    tokenizer = base_model.tokenizer(config, [])\n"
        "    print('loaded', base_model.model(config, tokenizer).num_parameters() > 0)\n"
        "except HtctlError as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1"}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_hub_id_is_fetched_as_in_real_use(tmp_path: Path) -> None:
    save_model(tmp_path / "models" / "someone" / "gpt2-small")
    with hub.serve(tmp_path / "models") as endpoint:
        found = load_from_hub(endpoint, "someone/gpt2-small", tmp_path / "cache")
        missing = load_from_hub(endpoint, "someone/nothing", tmp_path / "cache")
    assert found.stdout.strip().endswith("loaded True"), found.stderr
    assert missing.stdout.startswith("ConfigError base_model 'someone/nothing' cannot be loaded"), missing.stderr


def test_a_hub_that_is_away_is_said_at_once_and_is_no_config_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HtctlError, match=r"the hub cannot be reached \(.*refused.*--base-model tiny") as caught:
        base_model.check("someone/gpt2-small")
    assert caught.value.exit_code == 1
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HtctlError, match="HF_HUB_OFFLINE is set"):
        base_model.check("someone/gpt2-small")


def test_a_hub_that_answers_anything_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with hub.serve(tmp_path) as endpoint:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
        base_model.check("someone/gpt2-small")


@pytest.mark.parametrize("name", ["tiny", "/a/folder"])
def test_what_is_here_needs_no_hub(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    base_model.check(name)


def refusal(folder: Path) -> str:
    """The one line with which a base model's folder is refused."""
    config = factories.run_config(base_model=str(folder), train={"block_size": 64})
    with pytest.raises(ConfigError) as caught:
        base_model.model(config, base_model.tokenizer(config, []))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    return str(caught.value).replace(str(folder), "MODEL")


def save_other(folder: Path, kind: str) -> Path:
    """A model of another kind, with a tokenizer."""
    import transformers

    tokenizer, small = tiny.tokenizer(TEXTS, 64), {"num_hidden_layers": 1, "hidden_size": 32, "num_attention_heads": 2}
    if kind == "bert":
        config: Any = transformers.BertConfig(vocab_size=len(tokenizer), max_position_embeddings=64, **small)
        made: Any = transformers.BertForMaskedLM(config)
    else:
        config = transformers.T5Config(vocab_size=len(tokenizer), d_model=32, d_kv=8, d_ff=32, num_layers=1)
        made = transformers.T5ForConditionalGeneration(config)
    made.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("kind", "said"), [("bert", "bert, which looks ahead"), ("t5", "t5")])
def test_a_model_that_cannot_write_is_refused(tmp_path: Path, kind: str, said: str) -> None:
    assert refusal(save_other(tmp_path / kind, kind)) == (
        f"base_model 'MODEL' is no causal language model ({said}); take one, such as openai-community/gpt2"
    )


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model")
    tiny.model(100, 0, 64, 3).save_pretrained(folder)
    highest = len(tiny.tokenizer(TEXTS, 64)) - 1
    assert refusal(folder) == (
        f"base_model 'MODEL': its tokenizer has tokens up to number {highest}, but its model knows only 100; "
        "they are not of one model"
    )


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model")
    for path in folder.glob("tokenizer*"):
        path.unlink()
    assert refusal(folder) == "base_model 'MODEL' has no tokenizer; take a model that has its own"


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("config.json", b"{", r"config\.json' is not a valid JSON file"),
        ("config.json", b"[]", "must be a mapping, not list"),
        ("config.json", b'{"model_type": "nonsense"}', "model type `nonsense`"),
        ("tokenizer.json", b"{", "Expecting property name"),
        ("model.safetensors", b"", "header too small"),
        ("model.safetensors", None, r"no file named model\.safetensors"),
    ],
)
def test_a_broken_or_missing_file_of_a_base_model_is_one_line(
    tmp_path: Path, name: str, data: bytes | None, says: str
) -> None:
    path = save_model(tmp_path / "model") / name
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    said = refusal(path.parent)
    assert said.startswith("base_model 'MODEL' cannot be loaded: ")
    assert re.search(says, said)


def test_truncated_weights_are_one_line(tmp_path: Path) -> None:
    path = save_model(tmp_path / "model") / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    assert refusal(path.parent).startswith("base_model 'MODEL' cannot be loaded: Error while deserializing header")


def test_weights_that_are_not_in_the_file_are_not_made_up(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = save_model(tmp_path / "model") / "model.safetensors"
    kept = {name: weights for name, weights in load_file(path).items() if name != "transformer.ln_f.weight"}
    save_file(kept, path, metadata={"format": "pt"})
    said = "base_model 'MODEL': 1 weights are missing from its file, such as transformer.ln_f.weight"
    assert refusal(path.parent) == said


def test_weights_as_the_first_gpt2_s_are_named(tmp_path: Path) -> None:
    """Without the prefix that later ones have, and without the head, which is the embedding once more."""
    folder = save_model(tmp_path / "model")
    config = factories.run_config(base_model=str(folder), train={"block_size": 64})
    tokenizer = base_model.tokenizer(config, [])
    whole = base_model.model(config, tokenizer)
    whole.transformer.save_pretrained(folder)
    assert base_model.model(config, tokenizer).lm_head.weight.equal(whole.lm_head.weight)
