"""Options that several commands share, and how their text becomes what they mean."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from htctl import output
from k8s.settings import Kubernetes
from pipeline import layout, schema
from pipeline.errors import ConfigError
from pipeline.handles import SOURCES
from pipeline.identity import bot_id, named
from pipeline.settings import Settings
from pipeline.store import Store, open_store

DEFAULT_STORE = "htctl-store"
ENVIRONMENT = "HTCTL_STORE"
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
S3_PRICE = 0.023  # dollars for a GB and month

StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        help=f"A folder or s3://BUCKET/PREFIX [default: ${ENVIRONMENT}, the batch file's, else ./{DEFAULT_STORE}].",
    ),
]
OutputOption = Annotated[str, typer.Option("-o", "--output", help="'json' for programs.")]
PriceOption = Annotated[
    float | None,
    typer.Option(
        "--price",
        envvar="HTCTL_STORE_PRICE",
        help="What a GB (2^30 bytes, as S3 counts) costs in a month, in dollars [default: for s3:// 0.023, the list "
        "price of S3 Standard's first 50 TB in us-east-1; for a folder none].",
        min=0,
        show_default=False,
    ),
]
FileOption = Annotated[
    Path | None, typer.Option("-f", "--file", help="A batch file (htctl init writes one).", show_default=False)
]
GroupsArgument = Annotated[
    list[str] | None, typer.Argument(help="Only these groups of the batch file.", show_default=False)
]
HandlesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Handles; a+b makes one bot of two accounts. With -f: only these of its groups.", show_default=False
    ),
]
PostsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--posts",
        help="A handle's posts: FILE, or HANDLE=FILE; once for each handle. X's archive: its zip or folder.",
        show_default=False,
    ),
]
MaxCostOption = Annotated[
    float | None,
    typer.Option(help="Stop before X's posts could cost more, in dollars.", min=0, show_default=False),
]
ScrapeFirstOption = Annotated[
    bool,
    typer.Option(
        "--scrape-first", help="Have a small Job without GPU fetch all accounts' posts before the others are made."
    ),
]
BatchOption = Annotated[str, typer.Option("--batch", help="The batch's name [default: from the file].")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting: kubernetes.queue=bots.", show_default=False),
]
NamespaceOption = Annotated[
    str, typer.Option("-n", "--namespace", help="[default: the batch file's, else that of kubectl's context]")
]
ContextOption = Annotated[
    str, typer.Option("--context", help="A context of kubectl's configuration, if not the current.")
]
StartDeadlineOption = Annotated[
    str, typer.Option(help="How long a Pod may hold a node or a queue's quota and not start: 90s, 10m; 0s: any time.")
]
BotArgument = Annotated[str, typer.Argument(help="A bot's id, or its handles joined by +.", show_default=False)]


def store_address(given: str, in_file: str = "") -> str:
    """The store's address: the option, else the environment's, else the batch file's, else the default."""
    return named_store(given, in_file) or DEFAULT_STORE


def named_store(given: str, in_file: str = "") -> str:
    """The same, empty where nobody names a store."""
    return given or os.environ.get(ENVIRONMENT, "") or in_file


def existing_store(given: str, in_file: str = "") -> Store:
    """The store that a command only reads; raises ConfigError where a folder is named that is not there."""
    address = store_address(given, in_file)
    if named_store(given, in_file) and "://" not in address and not Path(address).expanduser().exists():
        raise ConfigError(f"store '{address}': no such folder")
    return open_store(address)


def price(given: float | None, store: Store) -> float | None:
    """Dollars for a GB and month; None where nobody asks for any."""
    if given is None and store.address.startswith("s3://"):
        return S3_PRICE
    return given


def existing_bot(store: Store, given: str) -> str:
    """The id of a published bot; raises ConfigError naming those that there are."""
    for bot in (given, *(bot_id(source, named(given)) for source in SOURCES)):
        if bot and "/" not in bot and store.exists(layout.latest(bot)):
            return bot
    names = [bot for bot in store.folders(layout.bots()) if store.exists(layout.latest(bot))]
    held = output.some(names) or "none yet (htctl run makes one; another store: --store)"
    raise ConfigError(f"no bot '{given}' in {store.address}; it holds {held}")


def settings(given: list[str]) -> dict[str, Any]:
    """`["train.epochs=2"]` as `{"train": {"epochs": 2}}`; what is no text by its setting is read as in YAML."""
    import yaml  # here and not above: it is a tenth of what htctl --help loads

    merged: dict[str, Any] = {}
    for text in given:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise ConfigError(f"--set {text}: must be KEY=VALUE, such as --set train.epochs=2")
        inner = merged
        *above, last = path.strip().split(".")
        for step in above:
            inner = inner.setdefault(step, {})
            if not isinstance(inner, dict):
                raise ConfigError(f"--set {text}: '{step}' already has a value")
        if last in inner:
            raise ConfigError(f"--set {text}: {path} is given twice")
        try:
            inner[last] = value if _is_text([*above, last]) else yaml.safe_load(value)
        except yaml.YAMLError:
            inner[last] = value
    return merged


def _is_text(path: list[str]) -> bool:
    """Whether the setting at `path` is a text, which is taken as it was typed."""
    if path[0] == "kubernetes":
        return schema.kind(Kubernetes, path[1:]) is str
    return schema.kind(Settings, path) is str


def for_cluster(given: list[str] | None, namespace: str) -> dict[str, Any]:
    """The settings of `--set` and `--namespace`."""
    merged = settings(given or [])
    if namespace:
        inner = merged.setdefault("kubernetes", {})
        if inner.setdefault("namespace", namespace) != namespace:
            raise ConfigError(f"--namespace {namespace}: --set kubernetes.namespace says {inner['namespace']}")
    return merged


def seconds(text: str, option: str) -> float:
    """A time such as `90s`, `10m` or `2h` in seconds; empty: 0."""
    number, unit = text[:-1], text[-1:]
    if text and (not number.isdigit() or unit not in UNITS):
        raise ConfigError(f"{option} {text}: must be a number with s, m or h, such as 10m")
    return int(number) * UNITS[unit] if text else 0.0


def wants_json(output: str) -> bool:
    """Whether `-o json` was given; raises ConfigError for any other format."""
    if output not in ("", "json"):
        raise ConfigError(f"-o {output}: must be json")
    return output == "json"
