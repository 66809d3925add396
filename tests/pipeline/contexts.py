"""A stage's Context over a folder store, with posts and the results of the stages before."""

from pathlib import Path
from typing import Any

from htctl import postsfiles
from pipeline.identity import bot_id, run_id
from pipeline.layout import RunKeys
from pipeline.progress import Report
from pipeline.stage import Context
from pipeline.store.folder import FolderStore
from tests import factories


def make(folder: Path, texts: dict[str, list[str]], **settings: Any) -> Context:
    """A context whose store has a posts file for each handle."""
    store = FolderStore((folder / "store").resolve())
    files = {
        handle.lower(): postsfiles.keep(store, factories.write_posts(folder / f"{handle}.jsonl", posts))
        for handle, posts in texts.items()
    }
    config = factories.run_config(store=store.address, handles=list(texts), posts=files, **settings)
    scratch = folder / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    keys = RunKeys(bot_id(config.source, config.handles), run_id(config))
    return Context(config, store, keys, scratch, Report())
