"""Loads what is fine-tuned: a model and tokenizer from a hub, a folder, or the built-in `tiny`."""

import urllib.error
import urllib.request
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import processors

from pipeline.basemodels import TINY, is_folder, is_on_hub
from pipeline.config import RunConfig
from pipeline.errors import ConfigError, HtctlError
from pipeline.training import tiny

HUB_S = 5  # a hub that is there answers sooner
TAKE = "take one, such as openai-community/gpt2"
NOISE = 1e-4  # of the largest logit; what a causal model says of a beginning is equal to the bit, or nearly


class Source(NamedTuple):
    """Where a model is, a folder or a hub id, and what a person knows it by."""

    where: str
    place: str


def source(config: RunConfig, folder: Path | None = None) -> Source:
    """Where a run's base model is; `folder` is where a bot of the store lies here."""
    return Source(str(folder or config.base_model), f"base_model '{config.base_model}'")


def tokenizer(config: RunConfig, training_texts: Iterable[str], folder: Path | None = None) -> Any:
    """The base model's tokenizer, made to put the end token before a prompt, as in training.

    `training_texts` are read only by `tiny`, which learns its own; `folder` is where a bot of the store lies here.
    """
    if config.base_model == TINY:
        return start_with_end_token(tiny.tokenizer(training_texts, config.train.block_size))
    return tokenizer_of(source(config, folder))


def tokenizer_of(source: Source) -> Any:
    """A saved model's tokenizer, made to put the end token before a prompt."""
    found = _load("AutoTokenizer", source)
    if len(found) <= len(found.all_special_tokens):
        raise ConfigError(f"{source.place} has no tokenizer; take a model that has its own")
    return start_with_end_token(found)


def check(name: str) -> None:
    """Find out before anything else is done that a base model cannot be had; its files are checked when loaded."""
    if not is_on_hub(name):
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


def model(config: RunConfig, tokenizer: Any, folder: Path | None = None) -> Any:
    """The causal language model that is fine-tuned, in fp32 on the CPU."""
    if config.base_model == TINY:
        return tiny.model(len(tokenizer), tokenizer.eos_token_id, config.train.block_size, config.train.seed)
    found, missing = _load_model(source(config, folder))
    positions = context(found.config)
    if config.train.block_size > positions:
        raise ConfigError(
            f"train.block_size is {config.train.block_size}, but {config.base_model} reads at most {positions} tokens"
        )
    return _checked(source(config, folder), found, missing, tokenizer)


def model_of(source: Source, tokenizer: Any) -> Any:
    """A saved causal language model, in fp32 on the CPU, checked as a base model is."""
    return _checked(source, *_load_model(source), tokenizer)


def _load_model(source: Source) -> tuple[Any, Collection[str]]:
    """The model, and the names of the weights that its file has not."""
    import transformers

    kind = type(_load("AutoConfig", source))
    if kind not in transformers.MODEL_FOR_CAUSAL_LM_MAPPING:
        raise ConfigError(f"{source.place} is no causal language model ({kind.model_type}); {TAKE}")
    found, loading = _load("AutoModelForCausalLM", source, dtype="float32", output_loading_info=True)
    return found, loading["missing_keys"]


def _checked(source: Source, model: Any, missing: Collection[str], tokenizer: Any) -> Any:
    """Refuse what transformers would fill with random numbers, and what is no language model that can write."""
    if missing:
        some = ", ".join(sorted(missing)[:3])
        raise ConfigError(f"{source.place}: {len(missing)} weights are missing from its file, such as {some}")
    if _looks_ahead(model):
        raise ConfigError(
            f"{source.place} is no causal language model ({model.config.model_type}, which looks ahead); {TAKE}"
        )
    _check_fit(source, model, tokenizer)
    return model


def _looks_ahead(model: Any) -> bool:
    """Whether what comes later changes what the model says of what came before."""
    import torch

    with torch.inference_mode():
        ids = torch.tensor([[1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 7, 8]]) % model.get_input_embeddings().num_embeddings
        one, other = model.eval()(ids).logits[:, :4].float()
    return float((one - other).abs().max()) > NOISE * float(one.abs().max())


def _check_fit(source: Source, model: Any, tokenizer: Any) -> None:
    """Every token that the tokenizer can give must be one that the model knows."""
    highest, known = max(tokenizer.get_vocab().values()), model.get_input_embeddings().num_embeddings
    if highest >= known:
        raise ConfigError(
            f"{source.place}: its tokenizer has tokens up to number {highest:,}, but its model knows only "
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


def _load(kind: str, source: Source, **options: Any) -> Any:
    """What transformers makes of a model's files; never with code of theirs."""
    import transformers

    if is_folder(source.where) and not Path(source.where).is_dir():
        raise ConfigError(f"{source.place}: no such folder")
    try:
        return getattr(transformers, kind).from_pretrained(source.where, trust_remote_code=False, **options)
    except Exception as error:  # transformers has no class for them: the file's own format says what is wrong
        if isinstance(error, ImportError | MemoryError):
            raise
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(f"{source.place} cannot be loaded: {reason}") from error
