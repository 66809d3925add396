"""What only a bucket has: addresses, answers of servers that differ, credentials, a server that goes away."""

import contextlib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ConfigError, CredentialError, StoreError
from pipeline.store import ABSENT
from pipeline.store import s3_server as s3_store
from pipeline.store.s3 import S3Store
from tests import s3server


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("s3://bots", ("bots", "", {})),
        ("s3://bots/hugging/tweets/", ("bots", "hugging/tweets", {})),
        ("s3://b/p?endpoint=http://h:9&region=x", ("b", "p", {"endpoint": "http://h:9", "region": "x"})),
    ],
)  # fmt: skip
def test_addresses(address: str, parts: Any) -> None:
    assert s3_store.parse(address) == parts


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("s3:///prefix", "must be s3://BUCKET"),
        ("s3://b?ednpoint=x", "unknown option 'ednpoint'"),
        ("s3://b#x", "must be"),
        ("s3://b?checksums=never", "checksums must be when_supported or when_required, not 'never'"),
    ],
)
def test_wrong_addresses(address: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        s3_store.parse(address)


def test_two_prefixes_are_two_stores(s3: s3server.Server) -> None:
    one, other = S3Store(s3.address("prefix/one")), S3Store(s3.address("prefix/other"))
    one.write("key", b"1")
    assert other.read("key") is None
    assert list(other.list("")) == []


def test_wrong_credentials_and_none_are_named(s3: s3server.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(CredentialError, match="the credentials were refused for key"):
        S3Store(s3.address("x")).write("key", b"")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(CredentialError, match="no credentials; set AWS_ACCESS_KEY_ID"):
        S3Store(s3.address("x")).write("key", b"")


def test_no_secret_is_in_an_error(s3: s3server.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-nobody-sees")
    with pytest.raises(CredentialError) as caught:
        S3Store(s3.address("x")).write("key", b"")
    assert "a-secret-nobody-sees" not in str(caught.value)


class Answers:
    """A server that gives prepared answers to PUTs, and otherwise keeps objects as a simple store does."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.answers: list[tuple[int, str]] = []  # status and S3 error code, for the next conditional PUTs
        self.refusal: tuple[int, str] | None = None  # to every PUT
        self.honest = True
        self.lose_next_answer = False
        self.slow: list[float] = []  # seconds until the next answers to conditional PUTs
        self.writers: dict[str, str] = {}  # by path, the metadata that says which upload an object is of
        self.asked = 0


@contextlib.contextmanager
def serving(state: Answers, certificate: Path | None = None, key: Path | None = None) -> Iterator[str]:
    """The address of a bucket on the server; with a certificate it speaks TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            state.asked += 1
            condition = self.headers.get("If-None-Match") or self.headers.get("If-Match")
            if condition and "probe" not in self.path and state.slow:
                time.sleep(state.slow.pop(0))
            if state.refusal:
                self.answer(*state.refusal)
            elif condition and "probe" not in self.path and state.answers:
                self.answer(*state.answers.pop(0))
            elif condition and state.honest and (condition != "*" or self.path in state.objects):
                self.answer(412, "PreconditionFailed")
            else:
                state.objects[self.path] = body
                state.writers[self.path] = self.headers.get("x-amz-meta-htctl-write", "")
                if state.lose_next_answer and "probe" not in self.path:
                    state.lose_next_answer = False
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                self.answer(200, "")

        def do_GET(self) -> None:
            if self.path in state.objects:
                self.answer(200, "", state.objects[self.path])
            else:
                self.answer(404, "NoSuchKey")

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_DELETE(self) -> None:
            self.answer(204, "")

        def answer(self, status: int, code: str, body: bytes = b"") -> None:
            body = f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode() if code else body
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"e"')
            self.send_header("x-amz-meta-htctl-write", state.writers.get(self.path, ""))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"s3://bots/p?endpoint=http{'s' if certificate else ''}://127.0.0.1:{server.server_port}&region=x&checksums=when_required"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")


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
def test_a_bucket_that_is_not_there_is_named(tmp_path: Path) -> None:
    state = Answers()
    state.refusal = (404, "NoSuchBucket")
    (tmp_path / "file").write_bytes(b"x")
    with serving(state) as address:
        store = S3Store(address)
        for action in (
            lambda: store.write("key", b""),
            lambda: store.upload(tmp_path / "file", "key"),
            lambda: store.swap("key", b"", ABSENT),
        ):
            with pytest.raises(StoreError, match="there is no bucket 'bots'"):
                action()


def test_a_real_server_s_answer_for_a_bucket_that_is_not_there(s3: s3server.Server) -> None:
    address = s3.address("x").replace(f"s3://{s3server.BUCKET}/", "s3://not-there/")
    with pytest.raises(StoreError) as caught:
        S3Store(address).read("key")
    assert str(caught.value) == f"store {address}: there is no bucket 'not-there'; make it or mend the address"


def test_a_wrong_key_is_named_whatever_is_asked(s3: s3server.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "wrong")
    store = S3Store(s3.address("x"))
    for ask in (lambda: store.read("key"), lambda: list(store.list("key")), lambda: store.exists("key")):
        with pytest.raises(CredentialError, match="the credentials were refused for key"):
            ask()


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


@pytest.mark.usefixtures("keys")
def test_a_full_store_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    state = Answers()
    state.refusal = (507, "XMinioStorageFull")
    with serving(state) as address:
        store = S3Store(address)
        for action in (lambda: store.write("key", b""), lambda: store.upload(tmp_path / "file", "key")):
            with pytest.raises(StoreError, match="is full: key could not be written; make room and run again"):
                action()


@pytest.mark.usefixtures("keys")
def test_a_slow_server_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first answers come later than a request waits; it is asked again, and nothing is written twice."""
    monkeypatch.setattr(s3_store, "READ_S", 0.3)
    state = Answers()
    state.slow = [1.0, 1.0]
    with serving(state) as address:
        assert S3Store(address).swap("key", b"mine", ABSENT)
    assert state.objects["/bots/p/key"] == b"mine"


@pytest.mark.usefixtures("keys")
def test_a_server_with_a_certificate_of_its_own_is_trusted_by_its_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    monkeypatch.setattr(s3_store, "FIRST_PATIENCE_S", 0)
    certificate = tmp_path / "ca.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(tmp_path / "key"), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    with serving(Answers(), certificate, tmp_path / "key") as address:
        S3Store(f"{address}&ca_bundle={certificate}").write("key", b"x")
        with pytest.raises(StoreError, match="certificate verify failed"):
            S3Store(address).write("key", b"x")


def test_a_server_that_comes_back_is_waited_for(s3: s3server.Server, tmp_path: Path) -> None:
    with s3server.running(tmp_path / "another") as server:
        store = S3Store(server.address("x"))
        store.write("before", b"1")
        server.kill()
        back = threading.Timer(3, server.start)
        back.start()
        started = time.monotonic()
        store.write("while it was away", b"2")
        assert time.monotonic() - started > 2
        back.join()
        assert store.read("before") is not None


def test_a_server_that_stays_away_is_one_line(monkeypatch: pytest.MonkeyPatch, keys: None) -> None:
    monkeypatch.setattr(s3_store, "FIRST_PATIENCE_S", 1)
    store = S3Store("s3://bots/x?endpoint=http://127.0.0.1:9&region=x")
    with pytest.raises(StoreError) as caught:
        store.write("key", b"")
    assert "127.0.0.1:9" in str(caught.value)
    assert "\n" not in str(caught.value)
