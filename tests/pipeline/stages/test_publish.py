import dataclasses
import json
from pathlib import Path

import pytest

from pipeline import layout, marks, published
from pipeline.accounts import Account, Profile
from pipeline.errors import StoreError
from pipeline.layout import AccountKeys
from pipeline.stage import Context
from pipeline.stages import publish
from tests.pipeline import contexts

RESULTS = {"scrape": {"fingerprint": "f"}, "train": {"after": {"bits_per_byte": 2.5}}}


def ready(folder: Path) -> Context:
    context = contexts.make(folder, {"alice": ["a"]})
    context.results = dict(RESULTS)
    for name in publish.NEEDED:
        context.store.write(context.keys.model(name), b"x")
    return context


def test_the_pointer_names_the_run(tmp_path: Path) -> None:
    context = ready(tmp_path)
    assert publish.run(context)["bytes"] == len(publish.NEEDED)
    pointer = json.loads(context.store.read(layout.latest("alice")).data)  # type: ignore[union-attr]
    assert pointer["run"] == context.keys.run
    assert (pointer["config"], pointer["posts"]) == (context.config.fingerprint(), "f")


def test_the_training_s_checkpoints_go_only_with_the_bot_published(tmp_path: Path) -> None:
    context = ready(tmp_path)
    parts = [context.keys.checkpoint(name) for name in ("000000005.json", "000000005/engine/state")]
    for key in parts:
        context.store.write(key, b"x")
    context.store.write(context.keys.model("README.md"), b"")
    with pytest.raises(StoreError):
        publish.run(context)
    assert all(context.store.exists(key) for key in parts)
    context.store.write(context.keys.model("README.md"), b"x")
    publish.run(context)
    assert not any(context.store.exists(key) for key in parts)


@pytest.mark.parametrize(
    ("gone", "why"), [("", "posts of it were deleted"), ("X has suspended it", "X has suspended it")]
)
def test_a_bot_is_marked_whose_posts_were_taken_back_while_it_was_made(tmp_path: Path, gone: str, why: str) -> None:
    context = ready(tmp_path)
    context.config = dataclasses.replace(context.config, source="x", posts={})
    profile = Profile("7", "alice", "", "", "", "", protected=False, posts=None, followers=None)
    context.store.write(AccountKeys("x", "alice").index, Account(profile, taken=5, gone=gone).to_bytes())
    for taken, mark in ((5, {}), (4, {"alice": why})):
        context.store.delete(layout.latest("alice"))
        context.results["scrape"] = {"fingerprint": "f", "handles": {"Alice": {"taken": taken}}}
        publish.run(context)
        assert marks.of(published.pointer(context.store, "alice")) == mark


@pytest.mark.parametrize("name", publish.NEEDED)
def test_half_a_bot_is_never_published(tmp_path: Path, name: str) -> None:
    context = ready(tmp_path)
    context.store.write(context.keys.model(name), b"")
    with pytest.raises(StoreError, match=f"missing or empty: {name}; nothing was published"):
        publish.run(context)
    assert not context.store.exists(layout.latest("alice"))


def test_a_pointer_that_another_run_moves_meanwhile_is_moved_after_it(tmp_path: Path) -> None:
    context = ready(tmp_path)
    swap, others = context.store.swap, iter([b'{"run": "one"}', b'{"run": "two"}'])

    def late(key: str, data: bytes, version: str) -> bool:
        other = next(others, None)
        if other:
            context.store.write(key, other)
        return swap(key, data, version)

    context.store.swap = late  # type: ignore[method-assign]
    publish.run(context)
    assert next(others, None) is None  # it tried until none was in between
    assert json.loads(context.store.read(layout.latest("alice")).data)["run"] == context.keys.run  # type: ignore[union-attr]
