"""Models as huggingtweets left them: pickled weights with old buffers, an old config, vocab.json and merges.txt."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from pipeline.training import tiny
from tests import factories

GOLDEN = Path(__file__).parent / "pipeline" / "cards" / "golden"
POSITIONS = 64
GENERATE = {"do_sample": True, "max_length": 160, "min_length": 10, "temperature": 1.0, "top_p": 0.9}


def save(folder: Path, card: str = "jeffdean", **config: Any) -> Path:
    """A small one, with one of the five cards ("" for none); `config` are keys of its config.json."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tiny.tokenizer(factories.sentences(50), POSITIONS)
    model = tiny.model(len(tokenizer), tokenizer.eos_token_id, POSITIONS, 3)
    weights = {name: part.clone() for name, part in model.state_dict().items()}
    for layer in range(model.config.n_layer):  # what old versions of transformers wrote down
        square = torch.tril(torch.ones(POSITIONS, POSITIONS, dtype=torch.uint8))
        weights[f"transformer.h.{layer}.attn.bias"] = square.view(1, 1, POSITIONS, POSITIONS)
        weights[f"transformer.h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    torch.save(weights, folder / "pytorch_model.bin")
    _write(folder / "config.json", {**_config(model.config), **config})
    _save_tokenizer(tokenizer, folder)
    if card:
        shutil.copy(GOLDEN / f"{card}.md", folder / "README.md")
    return folder


def _config(made: Any) -> dict[str, Any]:
    return {
        "_name_or_path": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "gradient_checkpointing": False,
        "model_type": "gpt2",
        "n_ctx": POSITIONS,
        "n_positions": POSITIONS,
        "n_embd": made.n_embd,
        "n_head": made.n_head,
        "n_layer": made.n_layer,
        "vocab_size": made.vocab_size,
        "bos_token_id": made.bos_token_id,
        "eos_token_id": made.eos_token_id,
        "summary_type": "cls_index",
        "task_specific_params": {"text-generation": {**GENERATE, "prefix": "<|endoftext|>"}},
        "transformers_version": "4.6.0",
    }


def _save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """As before there was tokenizer.json."""
    made = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    _write(folder / "vocab.json", made["vocab"])
    merges = "".join(f"{' '.join(pair)}\n" for pair in made["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}", encoding="utf-8")
    end = dict.fromkeys(("bos_token", "eos_token", "unk_token"), "<|endoftext|>")
    _write(folder / "special_tokens_map.json", end)
    _write(folder / "tokenizer_config.json", {**end, "add_prefix_space": False, "special_tokens_map_file": None})


def _write(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")


class Malicious:
    """What a pickle can hold: a call that is made when it is read."""

    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.touched}",)
