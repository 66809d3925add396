import json
from typing import Any

from pipeline import layout, marks, published
from pipeline.store import Store


def made(store: Store, bot: str, *handles: str, **asked: Any) -> None:
    store.write(layout.RunKeys(bot, "r-1").config, json.dumps({"asked": {"source": "x", **asked}}).encode())
    store.write(layout.latest(bot), json.dumps({"run": "r-1", "handles": list(handles)}).encode())


def test_bots_made_with_an_account_s_posts_are_marked(store: Store) -> None:
    made(store, "alice", "Alice")
    made(store, "alice-bob", "bob", "alice", source="jsonl", sources={"alice": "x"}, posts={"bob": "0"})
    made(store, "of-a-file", "alice", posts={"alice": "0"})
    made(store, "elsewhere", "alice", source="bluesky")
    made(store, "bob", "bob")
    store.write(layout.RunKeys("unpublished", "r-1").config, b"{}")
    assert sorted(marks.mark(store, "x", "ALICE", "it is gone")) == ["alice", "alice-bob"]
    pointer = published.pointer(store, "alice-bob")
    assert (pointer["run"], marks.of(pointer), marks.say(pointer)) == (
        "r-1",
        {"alice": "it is gone"},
        "@alice: it is gone",
    )
    for bot in ("of-a-file", "elsewhere", "bob"):
        assert marks.say(published.pointer(store, bot)) == ""


def test_the_first_reason_stays_and_others_come_beside(store: Store) -> None:
    made(store, "alice-bob", "alice", "bob")
    for handle, why in (("alice", "one"), ("alice", "two"), ("bob", "three")):
        assert marks.mark(store, "x", handle, why) == ["alice-bob"]
    assert marks.of(published.pointer(store, "alice-bob")) == {"alice": "one", "bob": "three"}


def test_a_pointer_that_moves_has_no_mark(store: Store) -> None:
    made(store, "alice", "alice")
    marks.mark(store, "x", "alice", "it is gone")
    about = {"config": "c", "posts": "p", "base_model": "tiny", "bits_per_byte": 2.0}
    published.publish(store, layout.RunKeys("alice", "r-2"), about, ["alice"])
    assert marks.of(published.pointer(store, "alice")) == {}
