import fcntl
import sys
import threading
from pathlib import Path

import pytest

from pipeline.wandb import feed as feeds
from pipeline.wandb.feed import ALIVE, Feed


@pytest.fixture
def feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Feed:
    """A feed whose process hangs: it reads nothing and says nothing."""
    hanging = tmp_path / "hanging"
    hanging.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(600)\n", encoding="utf-8")
    hanging.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(hanging))
    return Feed(tmp_path, online=False, base_url="", seconds=0)


def test_a_process_that_hangs_holds_nobody_up_and_is_ended(feed: Feed) -> None:
    for _ in range(feeds.WAITING + 2000):  # far more than a pipe holds
        feed.tell({"do": "log", "data": {"text": "x" * 100}})
    assert feed.dropped > 0
    assert not feed.wait(1, seconds=0.01)
    feed.close(seconds=0.01)
    assert feed.process.poll() is not None


def test_a_process_that_died_is_told_things_all_the_same(feed: Feed) -> None:
    feed.kill()
    number = feed.tell({"do": "log", "data": {}})
    assert not feed.wait(number, seconds=60)  # which it does not take: nobody is there to say anything
    feed.wait_for_links({"train"}, seconds=60)
    feed.close(seconds=60)


def test_all_that_wandb_writes_goes_under_the_folder_and_nothing_of_the_person_s_own_settings_counts() -> None:
    given = {"PATH": "/bin", "WANDB_MODE": "disabled", "WANDB_API_KEY": "k", "WANDB_BASE_URL": "http://theirs"}
    made = feeds.environment(Path("/tmp/x"), "", given)
    assert {name for name in made if made[name].startswith("/tmp/x")} == {
        "WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR", "WANDB_ARTIFACT_DIR"
    }  # fmt: skip
    assert "WANDB_MODE" not in made
    assert (made["WANDB_API_KEY"], made["WANDB_BASE_URL"], made["PATH"]) == ("k", "http://theirs", "/bin")
    assert feeds.environment(Path("/tmp/x"), "http://ours", given)["WANDB_BASE_URL"] == "http://ours"


def test_a_folder_is_abandoned_when_nobody_records_there_any_more(tmp_path: Path) -> None:
    folder = tmp_path / "htctl-wandb-abc"
    assert not feeds.abandoned(folder)
    folder.mkdir()
    with (folder / ALIVE).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert not feeds.abandoned(folder)
        threading.Timer(0.2, fcntl.flock, (held, fcntl.LOCK_UN)).start()
        assert feeds.abandoned(folder, 60)  # it was about to end
    assert feeds.abandoned(folder)
    (tmp_path / "other").mkdir()
    assert not feeds.abandoned(tmp_path / "other")
    (tmp_path / "htctl-wandb-link").symlink_to(folder)
    assert not feeds.abandoned(tmp_path / "htctl-wandb-link")


def test_a_line_of_wandb_s_without_its_dress() -> None:
    assert feeds.plain("\x1b[34m\x1b[1mwandb\x1b[0m: \x1b[31mERROR\x1b[0m no\n") == "ERROR no"


def test_what_the_process_says_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    talking = tmp_path / "talking"
    said = '{"done": 1}', "no JSON", '{"shown": "train", "url": "http://w/1"}', '{"unsent": "r", "why": "401"}'
    lines = "\\n".join((*said, '{"failed": "x"}'))
    talking.write_text(f"#!/bin/sh\nprintf '{lines}\\n'\n", encoding="utf-8")
    talking.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(talking))
    made = Feed(tmp_path, online=True, base_url="", seconds=0)
    assert made.wait(1, seconds=60)
    made.wait_for_links({"train"}, seconds=60)
    made.close(seconds=60)
    assert (made.links, made.unsent, made.failed) == ({"train": "http://w/1"}, {"r": "401"}, ["x"])
