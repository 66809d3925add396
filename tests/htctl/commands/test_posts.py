import json
from pathlib import Path

import pytest

from tests import factories
from tests.conftest import Finished
from tests.htctl.runner import htctl


def test_the_posts_that_were_kept(finished: Finished) -> None:
    lines = htctl("posts", "alice-bob", "--store", finished.store.address).out.splitlines()
    assert len(lines) == 300
    assert lines[0] == f"@Alice\t{factories.sentences(1)[0]}"
    assert lines[-1].startswith("@bob\tmy dear ")


def test_where_none_was_dropped_it_says_so(finished: Finished) -> None:
    ran = htctl("posts", "alice-bob", "--dropped", "--store", finished.store.address)
    assert (ran.code, ran.out, ran.err) == (0, "", "alice-bob: no post was dropped\n")


def test_the_posts_that_were_dropped_and_why(tmp_path: Path) -> None:
    texts = [*factories.sentences(120), "RT @bob: and so on\nand on", "ha"]
    posts = factories.write_posts(tmp_path / "a.jsonl", texts)
    store = str(tmp_path / "store")
    settings = [
        "--set=train.epochs=1",
        "--set=generate.samples=1",
        "--set=generate.copies=0",
        "--set=clean.min_characters=9",
    ]
    assert htctl("run", "alice", "--posts", str(posts), "--base-model", "tiny", "--store", store, *settings).code == 0
    shown = htctl("posts", "alice", "--dropped", "--store", store).out
    assert shown == "@alice\tretweet (a retweet)\tRT @bob: and so on and on\n@alice\tshort (1 of 3 words)\tha\n"
    records = [
        json.loads(line)
        for line in htctl("posts", "alice", "--dropped", "--store", store, "-o", "json").out.splitlines()
    ]
    assert [record["reason"] for record in records] == ["retweet", "short"]
    assert records[0]["text"] == "RT @bob: and so on\nand on"


@pytest.mark.parametrize("command", ["posts", "generate"])
def test_an_unknown_bot_is_a_usage_error(finished: Finished, command: str) -> None:
    ran = htctl(command, "nobody", "--store", finished.store.address)
    assert ran.code == 2
    assert ran.err == f"error: no bot 'nobody' in {finished.store.address}; it holds alice-bob\n"
