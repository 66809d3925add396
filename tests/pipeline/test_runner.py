import dataclasses
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from pipeline import layout, marks, runner, tracker
from pipeline.plan import STAGES
from pipeline.stage import Context
from pipeline.store.objects import change
from tests.pipeline import contexts


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every stage replaced by one that notes its name; the order of the plan and the markers are what is tested."""
    made: list[str] = []

    def stage(name: str) -> types.ModuleType:
        module = types.ModuleType(f"pipeline.stages.{name}")

        def run(context: Context) -> dict[str, Any]:
            made.append(name)
            if name == "publish":
                posts = context.results["scrape"]["fingerprint"]
                pointer = {"run": context.keys.run, "config": context.config.fingerprint(), "posts": posts}
                context.store.write(layout.latest(context.keys.bot), json.dumps(pointer).encode())
            return {"fingerprint": "posts of today", "seen": list(context.results)}

        module.run = run  # type: ignore[attr-defined]
        return module

    for name in STAGES:
        monkeypatch.setitem(sys.modules, f"pipeline.stages.{name}", stage(name))
    return made


def run(context: Context) -> str:
    context = dataclasses.replace(context, results={})
    return runner.run(context.config, context.store, context.report, context.scratch)


def test_all_stages_in_order_each_with_the_results_before(tmp_path: Path, calls: list[str]) -> None:
    context = contexts.make(tmp_path, {"alice": []})
    assert run(context) == "published"
    assert calls == list(STAGES)
    for index, name in enumerate(STAGES):
        marker = json.loads(context.store.read(context.keys.stage(name)).data)  # type: ignore[union-attr]
        assert marker["result"]["seen"] == list(STAGES[:index])
        assert marker["seconds"] >= 0
    config = json.loads(context.store.read(context.keys.config).data)  # type: ignore[union-attr]
    assert config["asked"] == json.loads(context.config.to_json())
    assert config["made_by"]["torch"]


def test_the_tracker_hears_of_every_stage_and_of_the_end(
    tmp_path: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []

    class Hearing(tracker.Off):
        def begins(self, stage: str, context: Context) -> None:
            heard.append(f"{stage} begins")

        def ended(self, stage: str, context: Context) -> None:
            assert stage in context.results
            heard.append(f"{stage} ended")

        def close(self, whole: bool) -> None:
            heard.append(f"closed {whole}")

    monkeypatch.setattr(tracker, "_open", lambda *_: Hearing())
    context = contexts.make(tmp_path, {"alice": []})
    run(context)
    both = [f"{stage} {word}" for stage in STAGES[:-1] for word in ("begins", "ended")]
    assert heard == [*both, "publish begins", "closed True"]
    heard.clear()
    (Path(context.store.address) / layout.latest("alice")).unlink()
    run(context)
    assert heard == [*(f"{stage} ended" for stage in STAGES[:-1]), "publish begins", "closed True"]


def test_a_finished_run_is_not_made_again(tmp_path: Path, calls: list[str]) -> None:
    context = contexts.make(tmp_path, {"alice": []})
    run(context)
    calls.clear()
    assert run(context) == "already published"
    assert calls == []


def test_a_stopped_run_goes_on_after_its_last_marker(tmp_path: Path, calls: list[str], monkeypatch: Any) -> None:
    context = contexts.make(tmp_path, {"alice": []})

    def fail(context: Context) -> dict[str, Any]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules["pipeline.stages.train"], "run", fail)
        with pytest.raises(KeyboardInterrupt):
            run(context)
    assert calls == ["scrape", "clean", "dataset"]
    assert not context.store.exists(context.keys.stage("train"))
    calls.clear()
    assert run(context) == "published"
    assert calls == ["train", "generate", "card", "publish"]


def test_a_marker_of_other_inputs_does_not_count(tmp_path: Path, calls: list[str]) -> None:
    context = contexts.make(tmp_path, {"alice": []})
    run(context)
    calls.clear()
    key = context.keys.stage("clean")
    marker = json.loads(context.store.read(key).data)  # type: ignore[union-attr]
    context.store.write(key, json.dumps({**marker, "fingerprint": "another"}).encode())
    for gone in (context.keys.stage("publish"), layout.latest(context.keys.bot)):
        (Path(context.store.address) / gone).unlink()
    run(context)
    assert calls == ["clean", "publish"]


def test_a_run_killed_after_its_pointer_moved_is_not_made_again(tmp_path: Path, calls: list[str]) -> None:
    context = contexts.make(tmp_path, {"alice": []})
    run(context)
    calls.clear()
    (Path(context.store.address) / context.keys.stage("publish")).unlink()
    assert run(context) == "already published"
    assert calls == []


def test_a_run_that_the_last_holder_of_its_lease_published_is_not_made_again(
    tmp_path: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was under way when this process looked first, and done when its lease was free."""
    context = contexts.make(tmp_path, {"alice": []})
    run(context)
    calls.clear()
    looks = iter([False, True])
    monkeypatch.setattr(runner, "_is_published", lambda store, keys: next(looks))
    assert run(context) == "already published"
    assert calls == []


def test_an_earlier_run_asked_for_again_becomes_current_without_training(tmp_path: Path, calls: list[str]) -> None:
    first = contexts.make(tmp_path, {"alice": []})
    run(first)
    run(contexts.make(tmp_path, {"alice": []}, train={"epochs": 9}))
    calls.clear()
    assert run(first) == "published"
    assert calls == ["publish"]
    assert json.loads(first.store.read(layout.latest("alice")).data)["run"] == first.keys.run  # type: ignore[union-attr]


def test_a_run_keeps_the_spelling_and_order_of_its_handles(tmp_path: Path, calls: list[str]) -> None:
    first = contexts.make(tmp_path, {"Alice": [], "bob": []})
    other = contexts.make(tmp_path, {"BOB": [], "alice": []})
    assert first.keys == other.keys
    run(first)
    (Path(first.store.address) / layout.latest("alice-bob")).unlink()
    seen: list[tuple[str, ...]] = []
    module = sys.modules["pipeline.stages.publish"]
    made = module.run
    module.run = lambda context: (seen.append(context.config.handles), made(context))[1]  # type: ignore[attr-defined]
    run(other)
    assert seen == [("Alice", "bob")]


def test_the_same_posts_and_config_in_another_batch_are_unchanged(tmp_path: Path, calls: list[str]) -> None:
    context = contexts.make(tmp_path, {"alice": []})
    run(context)
    calls.clear()
    assert run(contexts.make(tmp_path, {"alice": []}, batch="nightly-2")).startswith("unchanged: ")
    assert calls == ["scrape"]


def test_a_bot_made_with_posts_that_were_taken_back_is_made_anew(tmp_path: Path, calls: list[str]) -> None:
    context = contexts.make(tmp_path, {"alice": []})
    run(context)
    change(context.store, layout.latest("alice"), lambda found: {**found, marks.KEY: {"alice": "it is gone"}})
    assert run(context) == (
        "already published, though with posts that were taken back since (@alice: it is gone): "
        "another --batch makes it anew"
    )
    calls.clear()
    assert run(contexts.make(tmp_path, {"alice": []}, batch="nightly-2")) == "published"
    assert calls == list(STAGES)
    assert run(contexts.make(tmp_path, {"alice": []}, batch="nightly-3")).startswith("unchanged: ")


def test_another_config_is_another_run(tmp_path: Path, calls: list[str]) -> None:
    run(contexts.make(tmp_path, {"alice": []}))
    calls.clear()
    assert run(contexts.make(tmp_path, {"alice": []}, train={"epochs": 9})) == "published"
    assert calls == list(STAGES)
