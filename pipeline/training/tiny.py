"""The built-in base model `tiny`: a small GPT-2 and its tokenizer, both learnt from the posts alone.

It needs no download, so that everything can be tried offline; it learns an account's words and manner,
not the world's.
"""

from collections.abc import Iterable
from typing import Any

import tokenizers
import torch
from tokenizers import decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, GPT2Tokenizer

VOCABULARY = 2048
LAYERS = 2
WIDTH = 192
HEADS = 4
END = "<|endoftext|>"


def tokenizer(texts: Iterable[str], positions: int) -> Any:
    """GPT-2's byte-level BPE (transformers' class of it), learnt from `texts` alone."""
    learnt = tokenizers.Tokenizer(models.BPE())
    learnt.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learnt.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[END],
        show_progress=False,
    )
    learnt.train_from_iterator(texts, trainer)
    return GPT2Tokenizer(tokenizer_object=learnt, model_max_length=positions)


def model(vocabulary: int, end: int, positions: int, seed: int) -> GPT2LMHeadModel:
    """A GPT-2 with fresh random weights; `end` is the token that starts and ends every post."""
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=vocabulary,
        n_positions=positions,
        n_layer=LAYERS,
        n_embd=WIDTH,
        n_head=HEADS,
        bos_token_id=end,
        eos_token_id=end,
    )
    return GPT2LMHeadModel(config)
