"""Loads what is fine-tuned: a model and tokenizer from a hub, a folder, or the built-in `tiny`."""

import urllib.error
import urllib.request
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from tokenizers import processors

from pipeline import tiny
from pipeline.config import TINY, RunConfig, is_folder
from pipeline.errors import ConfigError, HtctlError

HUB_S = 5  # a hub that is there answers sooner
TAKE = "take one, such as openai-community/gpt2"
NOISE = 1e-4  # of the largest logit; what a causal model says of a beginning is equal to the bit, or nearly


def tokenizer(config: RunConfig, training_texts: Iterable[str]) -> Any:
    """The base model's tokenizer, made to put the end token before a prompt, as in training.

    `training_texts` are read only by `tiny`, which learns its own.
    """
    if config.base_model == TINY:
        found = tiny.tokenizer(training_texts, config.train.block_size)
    else:
        found = _load("AutoTokenizer", config.base_model)
        if len(found) <= len(found.all_special_tokens):
            raise ConfigError(f"base_model '{config.base_model}' has no tokenizer; take a model that has its own")
    return start_with_end_token(found)


def check(name: str) -> None:
    """Find out before anything else is done that a base model cannot be had; its files are checked when loaded."""
    if name == TINY or is_folder(name):
        return
    from huggingface_hub import constants, try_to_load_from_cache

    if isinstance(try_to_load_from_cache(name, "config.json"), str):
        return
    away = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else _away(constants.ENDPOINT)
    if away:
        raise HtctlError(
            f"base_model '{name}': the hub cannot be reached ({away}) and no copy is cached; "
            "try again later, or give a folder or the built-in model: --base-model tiny"
        )


def _away(endpoint: str) -> str:
    """Why a hub gives no answer within a few seconds; empty where it gives any at all."""
    try:
        with urllib.request.urlopen(endpoint, timeout=HUB_S):  # noqa: S310 - the hub's own address
            return ""
    except urllib.error.HTTPError:
        return ""  # an answer, whatever it says
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))


def model(config: RunConfig, tokenizer: Any) -> Any:
    """The causal language model that is fine-tuned, in fp32 on the CPU."""
    if config.base_model == TINY:
        return tiny.model(len(tokenizer), tokenizer.eos_token_id, config.train.block_size, config.train.seed)
    _check_kind(config.base_model)
    found, loading = _load("AutoModelForCausalLM", config.base_model, dtype="float32", output_loading_info=True)
    positions = context(found.config)
    if config.train.block_size > positions:
        raise ConfigError(
            f"train.block_size is {config.train.block_size}, but {config.base_model} reads at most {positions} tokens"
        )
    _check_weights(config.base_model, found, loading["missing_keys"])
    _check_fit(config.base_model, found, tokenizer)
    return found


def _check_kind(name: str) -> None:
    import transformers

    kind = type(_load("AutoConfig", name))
    if kind not in transformers.MODEL_FOR_CAUSAL_LM_MAPPING:
        raise ConfigError(f"base_model '{name}' is no causal language model ({kind.model_type}); {TAKE}")


def _check_weights(name: str, model: Any, missing: Collection[str]) -> None:
    """Refuse what transformers would fill with random numbers, and what is no language model that can write."""
    if missing:
        some = ", ".join(sorted(missing)[:3])
        raise ConfigError(f"base_model '{name}': {len(missing)} weights are missing from its file, such as {some}")
    if _looks_ahead(model):
        raise ConfigError(
            f"base_model '{name}' is no causal language model ({model.config.model_type}, which looks ahead); {TAKE}"
        )


def _looks_ahead(model: Any) -> bool:
    """Whether what comes later changes what the model says of what came before."""
    import torch

    with torch.inference_mode():
        ids = torch.tensor([[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 7, 8]]) % model.get_input_embeddings().num_embeddings
        one, other = model.eval()(ids).logits[:, :4].float()
    return float((one - other).abs().max()) > NOISE * float(one.abs().max())


def _check_fit(name: str, model: Any, tokenizer: Any) -> None:
    """Every token that the tokenizer can give must be one that the model knows."""
    highest, known = max(tokenizer.get_vocab().values()), model.get_input_embeddings().num_embeddings
    if highest >= known:
        raise ConfigError(
            f"base_model '{name}': its tokenizer has tokens up to number {highest:,}, but its model knows only "
            f"{known:,}; they are not of one model"
        )


def context(config: Any) -> int:
    """How many tokens a model reads at once, by its own config."""
    positions = getattr(config, "max_position_embeddings", None)
    if not isinstance(positions, int):
        raise ConfigError(
            f"base model of type {config.model_type}: does not say how many tokens it reads; take another"
        )
    return positions


def start_with_end_token(tokenizer: Any) -> Any:
    """The tokenizer, changed so that text begins with the end token, as every post in training does."""
    end = tokenizer.eos_token
    if end is None:
        raise ConfigError(f"the tokenizer of {tokenizer.name_or_path} has no end token (eos_token); take another model")
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{end} $A", pair=f"{end} $A $B", special_tokens=[(end, tokenizer.eos_token_id)]
    )
    return tokenizer


def plain_tokens(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    """Token ids of texts: nothing added, and a special token's name in a post is text like any other."""
    encoded = tokenizer(texts, add_special_tokens=False, split_special_tokens=True, return_attention_mask=False)
    return list(encoded["input_ids"])


def _load(kind: str, name: str, **options: Any) -> Any:
    import transformers

    place = f"base_model '{name}'"
    if is_folder(name) and not Path(name).is_dir():
        raise ConfigError(f"{place}: no such folder")
    try:
        return getattr(transformers, kind).from_pretrained(name, **options)
    except Exception as error:  # transformers has no class for them: the file's own format says what is wrong
        if isinstance(error, ImportError | MemoryError):
            raise
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(f"{place} cannot be loaded: {reason}") from error
