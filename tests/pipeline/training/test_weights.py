import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from pipeline.training import tiny, weights


def llama() -> Any:
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=19, **sizes))


@pytest.mark.parametrize("model", [tiny.model(32, 0, 16, 0), llama(), llama().to(torch.bfloat16)])
def test_every_file_is_what_save_pretrained_writes(tmp_path: Path, model: Any) -> None:
    """To the byte: with tied weights, with none, and in another precision."""
    weights.save(model, tmp_path / "ours")
    model.save_pretrained(tmp_path / "theirs")
    names = sorted(path.name for path in (tmp_path / "theirs").iterdir())
    assert sorted(path.name for path in (tmp_path / "ours").iterdir()) == names
    for name in names:
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes()


def test_it_is_read_back_whole(tmp_path: Path) -> None:
    model = tiny.model(32, 0, 16, 0)
    weights.save(model, tmp_path)
    length = int.from_bytes((tmp_path / weights.FILE).read_bytes()[:8], "little")
    assert length % 8 == 0
    assert "lm_head.weight" not in json.loads((tmp_path / weights.FILE).read_bytes()[8 : 8 + length])
    read = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(read.parameters(), model.parameters(), strict=True))
