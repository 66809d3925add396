"""What W&B is told of a run, as huggingtweets told it: two runs, their configs, artifacts, metadata; pure.

Names are what W&B takes today: an artifact's of `A-Za-z0-9_.-`, which a bot's id always is, nothing longer than 128.
Mended: metadata names all handles of a cyborg, where the original's had the last one only.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.basemodels import is_folder, public_name
from pipeline.config import RunConfig
from pipeline.layout import RunKeys
from pipeline.settings import Tracker

Command = dict[str, Any]

RECIPE = "0.6"  # huggingtweets' own number of the recipe that is followed
LONGEST_NAME = 128
HUB = "https://huggingface.co/"


def about(config: RunConfig, keys: RunKeys) -> dict[str, Any]:
    """What both runs' configs and all artifacts' metadata say."""
    return {"huggingtweets_version": RECIPE, "handle": ", ".join(config.handles), "bot": keys.bot, "run": keys.run}


def begin(kind: str, run_id: str, tracker: Tracker, config: RunConfig, own: Mapping[str, Any]) -> Command:
    """The beginning of the run `kind`, `preprocess` or `train`, or its going on."""
    return {
        "do": "begin",
        "kind": kind,
        "id": run_id,
        "name": display_name(config.handles, kind),
        "job_type": kind,
        "project": tracker.project,
        "entity": tracker.entity,
        "config": dict(own),
    }


def display_name(handles: tuple[str, ...], kind: str) -> str:
    """`@a-b-preprocess`, the handles in the order in which they were given, cut where W&B would refuse it."""
    end = f"-{kind}"
    joined = "@" + "-".join(handles)
    most = LONGEST_NAME - len(end)
    return (joined if len(joined) <= most else joined[: most - 3] + "...") + end


def config_of(kind: str, config: RunConfig, keys: RunKeys, versions: Mapping[str, str]) -> dict[str, Any]:
    """A run's config at its beginning; the trained model's own is not known before it is there."""
    found = {**about(config, keys), "seed_data": config.dataset.seed}
    if kind == "preprocess":
        return {**found, "outputs": [tweets(keys), dataset(keys)], "htctl_version": versions.get("htctl", "")}
    settings = {**vars(config.train)}
    seed = settings.pop("seed")
    return {
        **found,
        **settings,
        "seed_trainer": seed,
        "pytorch_version": versions.get("torch", ""),
        "transformers_version": versions.get("transformers", ""),
        "htctl_version": versions.get("htctl", ""),
        "base_model": public_name(config.base_model),
        "inputs": [dataset(keys), base_model(config.base_model)],
        "outputs": [keys.bot],
    }


def tweets(keys: RunKeys) -> str:
    """The artifact of the posts as they were read."""
    return f"tweets-{keys.bot}"


def dataset(keys: RunKeys) -> str:
    """The artifact of the training text."""
    return f"dataset-{keys.bot}"


def base_model(name: str) -> str:
    """The artifact of the model that the training began with: `gpt2`."""
    last = public_name(name).rstrip("/").rpartition("/")[2]
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "_.-") else "-" for letter in last)
    return kept[:LONGEST_NAME] or "base-model"


def posts_artifact(config: RunConfig, keys: RunKeys, paths: list[str]) -> Command:
    """What the preprocessing read: a JSON list of posts for each handle."""
    parts = {"tweets.txt": {"form": "posts", "sources": paths}}
    return _artifact(tweets(keys), "raw-dataset", about(config, keys), True, parts)


def dataset_artifact(config: RunConfig, keys: RunKeys, path: str, used: bool) -> Command:
    """What the preprocessing made, and the training `used`."""
    metadata = {**about(config, keys), "seed_data": config.dataset.seed, "epochs": config.train.epochs}
    parts = {f"data_{keys.bot}_train.txt": {"form": "text", "sources": [path]}}
    return _artifact(dataset(keys), "train-dataset", metadata, used, parts)


def base_model_artifact(config: RunConfig) -> Command:
    """What the training began with: a reference to a hub's model; of a folder or `tiny` the name alone."""
    name = config.base_model
    on_hub = "/" in name and not is_folder(name)
    parts = {"config.json": {"reference": f"{HUB}{name}/resolve/main/config.json"}} if on_hub else {}
    return _artifact(base_model(name), "pretrained-model", {"base_model": public_name(name)}, True, parts)


def model_artifact(config: RunConfig, keys: RunKeys, address: str, sizes: Mapping[str, int]) -> Command:
    """The bot: references to its files where they lie, by size; a folder's own place is nobody's business."""
    place = address.partition("?")[0].rstrip("/") + "/" if "://" in address else "htctl-store:"
    url = f"{place}{keys.model('')}"
    metadata = {
        **about(config, keys),
        "seed_data": config.dataset.seed,
        "epochs": config.train.epochs,
        "seed_trainer": config.train.seed,
        "model_url": url,
        "bytes": dict(sizes),
    }
    parts = {name: {"reference": f"{url}{name}"} for name in sizes}
    return _artifact(keys.bot, "finetuned-model", metadata, False, parts)


def samples(prompt: str, found: list[str]) -> Command:
    """The table `examples`."""
    rows = [[prompt, sample] for sample in found]
    return {"do": "table", "name": "examples", "columns": ["Input", "Prediction"], "rows": rows}


def point(told: Mapping[str, Any], speed: float, device: Mapping[str, float]) -> Command:
    """A point of the training's curve under the names that transformers gives it, with the device's use."""
    names = {
        "step": "train/global_step",
        "tokens": "train/tokens",
        "loss": "train/loss",
        "learning_rate": "train/learning_rate",
        "epoch": "train/epoch",
        "validation_loss": "eval/loss",
    }
    data = {names[key]: value for key, value in told.items() if key in names}
    of_speed = {"train/tokens_per_second": round(speed, 1)} if "loss" in told else {}
    return {"do": "log", "data": {**data, **of_speed, **{f"device/{key}": value for key, value in device.items()}}}


def scores(result: Mapping[str, Any]) -> Command:
    """What train's result says, held-out scores first: `heldout/...` is the bot, `heldout/before/...` the base."""
    after = {f"heldout/{key}": value for key, value in result["after"].items()}
    before = {f"heldout/before/{key}": value for key, value in result["before"].items()}
    rest = {key: value for key, value in result.items() if key not in ("before", "after")}
    return {"do": "summary", "data": {**after, **before, **rest}}


def counts(results: Mapping[str, Any]) -> Command:
    """How many posts were read, dropped and kept, of each handle, and how they were divided."""
    data = dict(_flat("posts", results["clean"]["handles"]))
    data |= _flat("dataset", results["dataset"])
    return {"do": "summary", "data": data}


def _flat(prefix: str, found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in found.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}/{key}", value)
        else:
            yield f"{prefix}/{key}", value


def _artifact(name: str, kind: str, metadata: Mapping[str, Any], used: bool, parts: Mapping[str, Any]) -> Command:
    return {
        "do": "artifact",
        "name": name,
        "type": kind,
        "metadata": dict(metadata),
        "used": used,
        "parts": dict(parts),
    }
