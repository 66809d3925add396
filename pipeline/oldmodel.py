"""A model that was made elsewhere, as a folder or on a hub: its files, its weights without running any code in them."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.basemodels import is_folder
from pipeline.cards import mojibake
from pipeline.errors import ConfigError, HtctlError
from pipeline.settings import Generate
from pipeline.training import base_model
from pipeline.training.base_model import Source

# What is looked at; nothing else of a folder or a hub is taken, code least of all.
FILES = ("*.json", "merges.txt", "*.safetensors", "pytorch_model*.bin", "README.md")
WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")  # the first that is there
CODE = re.compile(r"(?:unsupported GLOBAL|Unsupported global: GLOBAL|Unsupported class) (\S+)", re.IGNORECASE)
KEPT = ("temperature", "top_p", "top_k", "min_length", "max_length")  # of how it generated


class Card(NamedTuple):
    """A model's card as it was meant, and the wrong encodings that it was put right from; "" where it has none."""

    text: str = ""
    repaired: tuple[str, ...] = ()


class Loaded(NamedTuple):
    """A model that was read whole, its tokenizer, and how it generated."""

    model: Any
    tokenizer: Any
    generate: Generate


def find(given: str) -> Path:
    """The folder of a model that a person names by its path or by its id on a hub, from which it is fetched."""
    path = Path(given).expanduser()
    if path.is_dir():
        return path
    if is_folder(given) or given.startswith("~") or given.count("/") != 1 or path.exists():
        raise ConfigError(f"{given}: no such folder, and no model's id on a hub (owner/name)")
    base_model.check(given)
    return _fetched(given)


def _fetched(name: str) -> Path:
    from huggingface_hub import errors, snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(FILES)))
    except (errors.RepositoryNotFoundError, errors.HFValidationError):
        raise ConfigError(f"{name}: the hub has no such model, or shows it only to others (HF_TOKEN)") from None
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise HtctlError(f"{name}: could not be fetched from the hub ({reason}); try again later") from None


def check(folder: Path) -> None:
    """Raise ConfigError where no model is there, whatever else is to be said of it."""
    _config(folder / "config.json")


def weights(folder: Path) -> list[Path]:
    """The files of its weights, safetensors before pickles."""
    for pattern in WEIGHTS:
        if found := sorted(folder.glob(pattern)):
            return found
    raise ConfigError(f"{folder}: no weights: neither model.safetensors nor pytorch_model.bin is there")


def digest(folder: Path, handles: tuple[str, ...]) -> str:
    """SHA-256 (hex) of all that is taken in: the same model for the same handles is the same run."""
    whole = hashlib.sha256("+".join(handles).encode())
    for path in sorted({path for pattern in FILES for path in folder.glob(pattern) if path.is_file()}):
        try:
            with path.open("rb") as file:
                whole.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror or error}") from None
    return whole.hexdigest()


def card(folder: Path) -> Card:
    """The model's card, its letters put right where they were broken."""
    path = folder / "README.md"
    try:
        return Card(*mojibake.repair(path.read_bytes().decode("utf-8")))
    except FileNotFoundError:
        return Card()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 (byte {error.start}); save it as UTF-8 first") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    except HtctlError as error:
        raise ConfigError(f"{path}: {error}") from None


def load(folder: Path, shown: str) -> Loaded:
    """Model and tokenizer, checked as a base model's are; what is no GPT-2 was not made by huggingtweets."""
    source = Source(str(folder.resolve()), shown)
    settings = _config(folder / "config.json")
    if settings.get("model_type", "gpt2") != "gpt2":
        raise ConfigError(f"{shown}: is no GPT-2 but {settings['model_type']}; only GPT-2 models can be adopted")
    for path in weights(folder):
        if path.suffix == ".bin":
            _check_pickle(path)
    tokenizer = base_model.tokenizer_of(source)
    model = base_model.model_of(source, tokenizer)
    vars(model.config).pop("task_specific_params", None)  # now the generation config and the tokenizer say it
    tokenizer.model_max_length = base_model.context(model.config)  # old files leave it open
    return Loaded(model, tokenizer, _generate(settings))


def _check_pickle(path: Path) -> None:
    """Refuse a pickle that is more than numbers: reading it otherwise would run what is in it."""
    import pickle

    import torch

    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if named := CODE.search(str(error)):
            raise ConfigError(
                f"{path}: refused: it holds more than numbers, and to read it would run code ({named[1]}); none was run"
            ) from None
        raise ConfigError(f"{path}: is no model's weights, or broken") from None
    except (RuntimeError, EOFError, ValueError, OSError) as error:
        raise ConfigError(f"{path}: cannot be read: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(held, dict) or not all(isinstance(value, torch.Tensor) for value in held.values()):
        raise ConfigError(f"{path}: is no model's weights (names with numbers)")


def _config(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ConfigError(f"{path.parent}: no model is there (config.json is missing)") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: must be a mapping, not {type(data).__name__}")
    return data


def _generate(settings: dict[str, Any]) -> Generate:
    """How it generated, by its old config; what that does not tell is as the recipe has it."""
    tasks: Any = settings.get("task_specific_params")
    found = tasks.get("text-generation") if isinstance(tasks, dict) else None
    told = found if isinstance(found, dict) else {}
    sound = {key: told[key] for key in KEPT if isinstance(told.get(key), int | float) and told[key] > 0}
    return Generate(**sound)
