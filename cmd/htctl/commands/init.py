"""`htctl init`: a batch file to start from, with every setting and its default in a comment."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from htctl import output
from k8s.settings import Kubernetes
from pipeline.basemodels import TINY
from pipeline.errors import ConfigError
from pipeline.identity import batch_name
from pipeline.settings import Settings, built_in

HEAD = """\
# A batch of bots. Each group of handles becomes one bot:
#   htctl run -f {name}

batch: "{batch}"
store: ./htctl-store            # or s3://bucket/prefix; --store and HTCTL_STORE override it
# consent: consent.txt          # those who have agreed, a handle a line: no other handle is taken

defaults:                       # for all groups; a group's own settings win, --set KEY=VALUE wins over both
  source: jsonl                 # posts come from files
  posts: posts/{{handle}}.jsonl   # where they lie, seen from this file; X's archives too: archives/{{handle}}.zip
  base_model: tiny              # built in, needs no download; openai-community/gpt2 is the real thing
"""
GROUPS = """
groups:
- your_handle                   # one handle
# - your_handle+another         # two handles, one bot: a cyborg
# - your_handle+bluesky:alice.bsky.social+mastodon:alice@mastodon.social    # ... of public accounts, too
# - handles: [another]          # a group with settings of its own
#   posts: posts/another-2026.jsonl.gz
#   train: {epochs: 6}
"""
SHOWN = ("source", "base_model")  # set in the text above


def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("bots.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> int:
    """Write a commented batch file."""
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; name a file: htctl init {path / 'bots.yaml'}")
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text(path))
    except FileExistsError:
        raise ConfigError(f"{path} is there already; --force writes over it") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    output.line(
        f"wrote {path}; put your handles under 'groups' and their posts in {path.parent / 'posts'}/HANDLE.jsonl"
    )
    output.line(f"next: htctl run -f {path}")
    return 0


def text(path: Path) -> str:
    """The file's text: sound YAML, the settings that it does not show as comments with their defaults."""
    lines = []
    for field in dataclasses.fields(Settings):
        if field.name in SHOWN:
            continue
        if dataclasses.is_dataclass(field.default):
            lines.append(f"  # {field.name}:")
            own = built_in(TINY).get(field.name, {})
            lines += [_line(inner, "  #   ", own) for inner in dataclasses.fields(field.default)]
        else:
            lines.append(_line(field, "  # ", {}))
    lines.append("  # kubernetes:                 # how a Job runs (htctl render prints it), never which bot comes out")
    lines += [_line(field, "  #   ", {}) for field in dataclasses.fields(Kubernetes)]
    head = HEAD.format(name=path.name, batch=batch_name(path.stem))
    return head + "\n".join(lines) + "\n" + GROUPS


def _line(field: "dataclasses.Field[Any]", indent: str, tiny: dict[str, Any]) -> str:
    default = {} if field.default is dataclasses.MISSING else field.default
    value = default if default and isinstance(default, str) else json.dumps(default)
    also = f" [tiny: {tiny[field.name]}]" if field.name in tiny else ""
    return f"{indent}{field.name}: {value}".ljust(34) + f"# {field.metadata['text']}{also}"
