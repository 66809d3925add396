import json
from pathlib import Path

import pytest

from pipeline.accounts import Account, Profile, Sweep
from pipeline.store.folder import FolderStore
from tests.conftest import Finished
from tests.htctl.runner import htctl


def test_the_list_as_lines_and_as_json(finished: Finished) -> None:
    store = finished.store.address
    row = htctl("bots", "--store", store).out.split("\t")
    assert row[:3] == ["alice-bob", "@Alice @bob", "tiny"]
    (bot,) = json.loads(htctl("bots", "--store", store, "-o", "json").out)
    assert bot["bot"] == "alice-bob"
    assert bot["bits_per_byte"] > 0
    assert Path(bot["model"], "model.safetensors").exists()


def test_an_empty_store_is_said_and_is_an_empty_list(tmp_path: Path) -> None:
    ran = htctl("bots", "--store", str(tmp_path))
    assert (ran.code, ran.out) == (0, "")
    assert "no bots in" in ran.err
    assert json.loads(htctl("bots", "--store", str(tmp_path), "-o", "json").out) == []


def test_a_store_that_is_named_and_not_there_is_told(tmp_path: Path) -> None:
    ran = htctl("bots", "--store", str(tmp_path / "no"))
    assert (ran.code, ran.err) == (2, f"error: store '{tmp_path}/no': no such folder\n")


def test_a_bot_that_is_not_published_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "bots" / "alice" / "runs" / "r").mkdir(parents=True)
    assert htctl("bots", "--store", str(tmp_path)).out == ""


def test_sizes_of_bots_and_of_the_store(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    store = finished.store.address
    held = sum(path.stat().st_size for path in Path(store).rglob("*") if ".htctl" not in path.parts and path.is_file())
    ran = htctl("bots", "--size", "--store", store, "-o", "json")
    found = json.loads(ran.out)
    assert found["bots"][0]["bot"] == "alice-bob"
    assert found["store"]["bytes"]["all"] == held
    assert found["bots"][0]["bytes"] == found["store"]["bytes"]["bots"] == held - found["store"]["bytes"]["posts"]
    assert found["store"]["dollars_a_month"] is None
    assert len(htctl("bots", "--size", "--store", store).out.split("\t")) == 7
    monkeypatch.setenv("HTCTL_STORE_PRICE", "1000")
    ran = htctl("bots", "--size", "--store", store)
    assert ran.out.split("\t")[-1].startswith("$")
    assert "a month at $1000 a GB" in ran.err


def test_the_size_of_a_store_without_a_published_bot(store: FolderStore) -> None:
    store.write("bots/alice/runs/a-00000001/config.json", b"12345")
    ran = htctl("bots", "--size", "--store", store.address)
    assert (ran.code, ran.out) == (0, "")
    assert "5 B in all (bots 0 B, unpublished 5 B)" in ran.err


def test_what_x_was_paid(store: FolderStore) -> None:
    profile = Profile("1", "alice", "", "", "", "", False, None, None)
    for handle in ("alice", "bob"):
        store.write(
            f"posts/x/{handle}/index.json",
            Account(profile, (Sweep(complete=True),), requests=33, spent=16.01).to_bytes(),
        )
    ran = htctl("bots", "--size", "--store", store.address)
    assert "posts of 2 accounts from X, $32.02 spent on them\n" in ran.err
    found = json.loads(htctl("bots", "--size", "--store", store.address, "-o", "json").out)
    assert found["x"] == {"accounts": 2, "spent": 32.02}


def test_what_the_posts_of_a_bot_have_cost_and_that_some_were_taken_back(store: FolderStore) -> None:
    profile = Profile("1", "alice", "", "", "", "", False, None, None)
    account = Account(profile, (Sweep(posts=3200, complete=True),), requests=33, spent=16.01)
    store.write("posts/x/alice/index.json", account.to_bytes())
    config = {"asked": {"source": "x", "handles": ["Alice"]}}
    store.write("bots/alice/runs/r-1/config.json", json.dumps(config).encode())
    pointer = {"run": "r-1", "handles": ["Alice"], "base_model": "tiny", "bits_per_byte": 2.0, "published": "today"}
    store.write("bots/alice/latest.json", json.dumps(pointer).encode())
    assert htctl("bots", "--store", store.address).out.count("\t") == 5
    ran = htctl("bots", "-o", "wide", "--store", store.address)
    assert ran.out.endswith("\t3,200\t$16.01\n")
    assert ran.err == ""
    (found,) = json.loads(htctl("bots", "-o", "json", "--store", store.address).out)
    assert (found["x_posts"], found["spent"]) == (3200, 16.01)
    store.write("bots/alice/latest.json", json.dumps({**pointer, "taken_back": {"alice": "it is gone"}}).encode())
    ran = htctl("bots", "--store", store.address)
    assert "alice was made with posts that were taken back since: @alice: it is gone; make it anew, or ret" in ran.err
    assert htctl("bots", "-o", "xml", "--store", store.address).code == 2
