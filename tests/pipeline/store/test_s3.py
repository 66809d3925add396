"""What only a bucket has: prefixes, and the answers to conditional writes, in which servers differ."""

from pathlib import Path

import pytest

from pipeline.errors import StoreError
from pipeline.store import ABSENT
from pipeline.store.s3 import S3Store
from tests import s3server
from tests.s3answers import Answers, serving


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")


def test_two_prefixes_are_two_stores(s3: s3server.Server) -> None:
    one, other = S3Store(s3.address("prefix/one")), S3Store(s3.address("prefix/other"))
    one.write("key", b"1")
    assert other.read("key") is None
    assert list(other.list("")) == []


@pytest.mark.usefixtures("keys")
def test_a_store_without_conditional_writes_is_refused_before_it_is_relied_on() -> None:
    state = Answers()
    state.honest = False
    with serving(state) as address:
        store = S3Store(address)
        with pytest.raises(StoreError, match="ignores conditional writes"):
            store.swap("key", b"x", ABSENT)
        assert store.read("key") is None


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    ("answer", "version"),
    [((412, "PreconditionFailed"), ABSENT), ((412, "PreconditionFailed"), '"v"'), ((404, "NoSuchKey"), '"v"')],
)
def test_each_way_of_saying_no_is_a_lost_race(answer: tuple[int, str], version: str) -> None:
    state = Answers()
    state.answers = [answer]
    with serving(state) as address:
        assert not S3Store(address).swap("key", b"x", version)


@pytest.mark.usefixtures("keys")
def test_a_conflict_is_asked_again() -> None:
    state = Answers()
    state.answers = [(409, "ConditionalRequestConflict")] * 3
    with serving(state) as address:
        assert S3Store(address).swap("key", b"x", ABSENT)
    assert state.objects["/bots/p/key"] == b"x"


@pytest.mark.usefixtures("keys")
def test_a_lost_answer_is_no_lost_race() -> None:
    """The write got through and its answer did not: the library asks again and is told 412."""
    state = Answers()
    state.lose_next_answer = True
    with serving(state) as address:
        assert S3Store(address).swap("key", b"mine", ABSENT)
    assert state.asked >= 5  # two for the probe, one more condition of it, the lost one, the one asked again


@pytest.mark.usefixtures("keys")
def test_a_lost_answer_to_an_upload_is_no_lost_race(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    state = Answers()
    state.lose_next_answer = True
    with serving(state) as address:
        assert S3Store(address).swap_file(tmp_path / "file", "key", ABSENT)
    assert state.objects["/bots/p/key"] == b"mine"


@pytest.mark.usefixtures("keys")
def test_an_upload_that_lost_the_race_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    state = Answers()
    state.objects["/bots/p/key"] = b"theirs"
    with serving(state) as address:
        assert not S3Store(address).swap_file(tmp_path / "file", "key", ABSENT)
    assert state.objects["/bots/p/key"] == b"theirs"
