import torch

from pipeline.training import tiny
from tests import factories


def test_the_tokenizer_holds_every_text_and_learns_only_from_what_it_is_given() -> None:
    tokenizer = tiny.tokenizer(factories.sentences(300), positions=128)
    for text in ("kettle", "日本語 🐤", "\x00", "<|endoftext|>"):
        assert tokenizer.decode(tokenizer(text, split_special_tokens=True).input_ids) == text
    known, unknown = (len(tokenizer(text).input_ids) for text in (" harbour", " zyxwvut"))
    assert known == 1
    assert unknown > 3


def test_the_model_is_the_seed_s() -> None:
    one, same, other = (tiny.model(300, 0, 64, seed).transformer.wte.weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_input_and_output_weights_are_tied() -> None:
    model = tiny.model(300, 0, 64, 0)
    assert model.lm_head.weight is model.transformer.wte.weight
