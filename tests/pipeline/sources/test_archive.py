import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ConfigError
from pipeline.posts import Skipped, write_posts
from pipeline.settings import Clean
from pipeline.sources import archive, bundle, jsonl
from pipeline.text import cleaning
from tests import factories
from tests.factories import assignment, tweet, write_archive

ACCOUNT = assignment([{"account": {"username": "Alice", "email": "private@example.org"}}], "account")


@pytest.fixture(params=["archive.zip", "folder"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / request.param


def posts(path: Path, members: dict[str, str | bytes], handle: str = "alice") -> list[Any]:
    return list(archive.read(write_archive(path, members), handle))


def texts(path: Path, *tweets: Any, **members: str) -> list[str]:
    return [post.text for post in posts(path, {"data/tweets.js": assignment(list(tweets)), **members})]


def test_a_post_of_an_archive(path: Path) -> None:
    item = tweet("a &lt;b&gt; &amp; c", id_str="5", id="5", lang="en", favorite_count="3")
    (post,) = posts(path, {"data/tweets.js": assignment([item]), "data/account.js": ACCOUNT})
    assert post == ("5", "a &lt;b&gt; &amp; c", "2018-10-10T20:19:24.000Z", "en", False)
    assert cleaning.clean(post, cleaning.rules(Clean(min_words=1))) == "a <b> & c"


@pytest.mark.parametrize("name", ["data/tweets.js", "data/tweet.js", "tweets.js", "tweet.js", "x-2026/data/tweets.js"])
@pytest.mark.parametrize("end", ["", ";", ";\n"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_old_and_new_forms(path: Path, name: str, end: str, wrapped: bool) -> None:
    items = [tweet("one"), tweet("RT @bob: two")]
    items = items if wrapped else [item["tweet"] for item in items]
    found = posts(path, {name: assignment(items, name.rpartition("/")[2].removesuffix(".js"), end=end)})
    assert [(post.text, post.retweet) for post in found] == [("one", False), ("RT @bob: two", True)]


def test_parts_come_in_their_order(path: Path) -> None:
    names = ["tweets", "tweets-part1", "tweets-part2", "tweets-part10"]
    members = {f"data/{name}.js": assignment([tweet(name)], part=7) for name in reversed(names)}
    assert [post.text for post in posts(path, members)] == names


def test_a_zip_and_its_folder_give_the_same_bytes(tmp_path: Path) -> None:
    members: dict[str, str | bytes] = {"data/tweets.js": assignment([tweet(text) for text in factories.sentences(50)])}
    for name in ("a.zip", "folder", "b.zip"):
        write_posts(tmp_path / f"{name}.gz", archive.read(write_archive(tmp_path / name, members), "alice"))
    assert len({(tmp_path / f"{name}.gz").read_bytes() for name in ("a.zip", "folder", "b.zip")}) == 1


def test_only_posts_and_the_user_name_are_opened(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = ("direct-messages", "profile", "phone-number", "deleted-tweets", "tweet-headers", "email-address-change")
    members = {f"data/{name}.js": "no JSON" for name in private}
    members |= {"data/tweets.js": assignment([tweet()]), "data/account.js": ACCOUNT, "assets/js/tweets.js": "none"}
    members |= {"data/note-tweet.js": assignment([], "note_tweet")}
    opened: list[str] = []
    for kind in (bundle._Zip, bundle._Folder):

        def noted(self: Any, name: str, real: Any = kind.open) -> Any:
            opened.append(name)
            return real(self, name)

        monkeypatch.setattr(kind, "open", noted)
    posts(path, members)
    assert opened == ["data/account.js", "data/note-tweet.js", "data/tweets.js"]


@pytest.mark.parametrize(
    ("created_at", "told"),
    [
        ("Sun Dec 31 23:59:59 +0000 2006", "2006-12-31T23:59:59.000Z"),
        ("Sun Dez 31 23:59:59 +0000 2006", ""),
        ("2018-10-10", ""),
        (5, ""),
        (None, ""),
    ],
)
def test_times(tmp_path: Path, created_at: Any, told: str) -> None:
    members: dict[str, str | bytes] = {"data/tweets.js": assignment([tweet(created_at=created_at)])}
    assert [post.created_at for post in posts(tmp_path / "a", members)] == [told]


SECOND = "2018-10-10T20:19:24.000Z"


def note(text: Any, created_at: Any = SECOND) -> dict[str, Any]:
    return {"noteTweet": {"noteTweetId": "99", "createdAt": created_at, "core": {"text": text, "urls": []}}}


@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        ("Words that go on and o… https://t.co/x", "Words that go on and on and on"),
        ("Words that go on and o…", "Words that go on and on and on"),
        ("Words that go on", "Words that go on and on and on"),
        ("https://t.co/x Words &amp; more &lt;wor…", "https://example.org/a Words & more <words>"),
        ("Words &amp; more", "Words & more <words>"),
        ("Two\nlines of wo…", "Two\n\nlines of words"),
        ("@bob cut by its beginn…", "cut by its beginning that has no name in it"),
    ],
)
def test_a_long_post_s_whole_text_is_its_note(path: Path, cut: str, whole: str) -> None:
    notes = assignment([note(whole), note("of another second", "2018-10-10T20:19:25.000Z")], "note_tweet")
    assert texts(path, tweet(cut), **{"data/note-tweet.js": notes}) == [whole]


def test_posts_of_one_second_have_each_its_own_text(path: Path) -> None:
    notes = assignment([note("First words and more of them"), note("Second words and more of them")], "note_tweet")
    cut = [tweet("Second words and m…"), tweet("short"), tweet("https://t.co/x"), tweet("First words an…")]
    assert texts(path, *cut, **{"data/note-tweet.js": notes}) == [
        "Second words and more of them",
        "short",
        "https://t.co/x",
        "First words and more of them",
    ]


def test_a_retweet_of_the_second_of_a_note_is_left_as_it_is(path: Path) -> None:
    notes = assignment([note("Words that go on and on")], "note_tweet")
    assert texts(path, tweet("RT @bob: Words that g…"), **{"data/note-tweet.js": notes}) == ["RT @bob: Words that g…"]


@pytest.mark.parametrize(
    "notes",
    [
        [],
        [{}],
        [5],
        [{"noteTweet": {}}],
        [{"noteTweet": {"core": 5}}],
        [note(None)],
        [note("x", None)],
        [note("x", "")],
    ],
)
def test_notes_without_what_is_looked_for_do_not_matter(tmp_path: Path, notes: list[Any]) -> None:
    members = {"data/note-tweet.js": assignment(notes, "note_tweet")}
    cut = [tweet("Words and m…"), tweet("Words and m…", created_at=None)]
    assert texts(tmp_path / "a", *cut, **members) == ["Words and m…"] * 2


def test_a_note_with_half_a_surrogate_pair(tmp_path: Path) -> None:
    notes = assignment([note("Words \ud83d and more")], "note_tweet")
    assert texts(tmp_path / "a", tweet("Words \ud83d an…"), **{"data/note-tweet.js": notes}) == [
        "Words \ud83d and more"
    ]


@pytest.mark.parametrize(
    "account", [None, ACCOUNT, assignment([{"username": "ALICE"}], "account"), assignment([{}], "account")]
)
def test_an_archive_is_its_owner_s_where_it_says_whose_it_is(path: Path, account: str | None) -> None:
    write_archive(path, {"data/tweets.js": assignment([]), **({"data/account.js": account} if account else {})})
    archive.check(path, "alice")


def test_another_account_s_archive_is_refused_naming_both(path: Path) -> None:
    write_archive(path, {"data/tweets.js": assignment([]), "data/account.js": ACCOUNT})
    for look in (archive.check, lambda *given: list(archive.read(*given))):
        with pytest.raises(ConfigError) as caught:
            look(path, "bob")
        assert str(caught.value) == f"{path} is the archive of @Alice, not of @bob"


@pytest.mark.parametrize(
    ("members", "says"),
    [
        (
            {"data/like.js": "x"},
            "not X's archive, which has its posts in data/tweets.js (older ones: data/tweet.js)",
        ),
        ({"a/b/c/tweets.js": "x = []"}, "not X's archive"),
        ({"a/data/tweets.js": "x = []", "b/data/tweets.js": "x = []"}, "holds several archives: a/data, b/data; give"),
        ({"data/tweets.js": 'x = [{"tweet": 5}]'}, "data/tweets.js: item 1: a post must have full_text; --skip-bad"),
        ({"data/tweets.js": 'x = [{"tweet": {"id": "1"}}]'}, "item 1: a post must have full_text"),
        ({"data/tweets.js": 'x = [{"text": "a"}, 5]'}, "item 2: a post must have full_text"),
        ({"data/tweets.js": 'x = [{"text": "a"}, {]'}, "data/tweets.js: item 2, near character 21: not JSON"),
        ({"data/tweets.js": "x = []", "data/note-tweet.js": "x = [{"}, "data/note-tweet.js: item 1, near"),
    ],
)
def test_what_is_wrong_and_where(path: Path, members: dict[str, str | bytes], says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        posts(path, members)
    assert str(caught.value).startswith(f"{path}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_post_can_be_left_out(path: Path) -> None:
    write_archive(path, {"data/tweets.js": assignment([tweet("a"), {"tweet": {}}, 5, tweet("b")])})
    skipped = Skipped("post")
    assert [post.text for post in archive.read(path, "alice", skipped)] == ["a", "b"]
    assert str(skipped) == ", 2 bad posts skipped (posts 2, 3)"


def in_parts(items: list[Any], sizes: tuple[int, ...]) -> Iterator[list[Any]]:
    for size in sizes:
        yield items[:size]
        items = items[size:]
    yield items


@pytest.mark.parametrize("form", ["new", "old"])
def test_a_real_account_s_archive_has_the_posts_that_its_lines_have(shared: Path, tmp_path: Path, form: str) -> None:
    """Lines as the API gives them, turned into an archive and back."""
    from datetime import datetime

    lines = shared / "data" / "elonmusk-2025.jsonl"
    asked = list(jsonl.read(lines, "lines"))
    items, notes = [], []
    for number, post in enumerate(asked):
        time = datetime.fromisoformat(post.created_at)
        text = post.text
        if len(text) > 200 and not post.retweet:
            notes.append(note(text, post.created_at))
            text = f"{text[:150]}… https://t.co/{number}"
        made = tweet(text, id_str=post.id, created_at=time.strftime("%a %b %d %H:%M:%S +0000 %Y"))
        items.append(made if form == "new" else made["tweet"])
    names = ("data/tweets.js", "data/tweets-part1.js") if form == "new" else ("tweet.js", "tweet-part1.js")
    members: dict[str, str | bytes] = {
        name: assignment(part, part=number, end=";" if form == "old" else "")
        for number, (name, part) in enumerate(zip(names, in_parts(items, (700,)), strict=True))
    }
    folder = names[0].rpartition("tweet")[0]
    members |= {f"{folder}note-tweet.js": assignment(notes, "note_tweet"), f"{folder}account.js": ACCOUNT}
    path = write_archive(tmp_path / "elonmusk.zip", members)
    write_posts(tmp_path / "posts.jsonl.gz", archive.read(path, "alice"))
    taken = list(jsonl.read(tmp_path / "posts.jsonl.gz", "taken"))
    assert json.dumps(taken) == json.dumps(asked)
    assert len(notes) > 0
