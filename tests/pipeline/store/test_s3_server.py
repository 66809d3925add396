"""What a bucket's server may be and answer: addresses, credentials, certificates; away, slow or full."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ConfigError, CredentialError, StoreError
from pipeline.store import ABSENT, s3_server
from pipeline.store.s3 import S3Store
from tests import s3server
from tests.s3answers import Answers, serving


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("s3://bots", ("bots", "", {})),
        ("s3://bots/hugging/tweets/", ("bots", "hugging/tweets", {})),
        ("s3://b/p?endpoint=http://h:9&region=x", ("b", "p", {"endpoint": "http://h:9", "region": "x"})),
    ],
)  # fmt: skip
def test_addresses(address: str, parts: Any) -> None:
    assert s3_server.parse(address) == parts


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
        s3_server.parse(address)


@pytest.mark.usefixtures("keys")
def test_an_endpoint_is_a_url_and_speaks_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    says = "endpoint: localhost:8333; it must begin with http:// or https://"
    with pytest.raises(ConfigError, match=says):
        S3Store("s3://bucket?endpoint=localhost:8333")
    monkeypatch.setattr(s3_server, "FIRST_PATIENCE_S", 1)
    with serving(Answers()) as address, pytest.raises(StoreError, match="does not speak https; is its endpoint http:"):
        S3Store(address.replace("http:", "https:")).write("key", b"")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "localhost:8333")
    with pytest.raises(ConfigError, match=says):
        S3Store("s3://bucket")


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


@pytest.mark.usefixtures("keys")
def test_a_full_store_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    state = Answers()
    state.refusal = (507, "XMinioStorageFull")
    with serving(state) as address:
        store = S3Store(address)
        started = time.monotonic()
        for action in (lambda: store.write("key", b""), lambda: store.upload(tmp_path / "file", "key")):
            with pytest.raises(StoreError, match="is full: key could not be written; make room and run again"):
                action()
        assert time.monotonic() - started < s3_server.FIRST_PATIENCE_S / 2


@pytest.mark.usefixtures("keys")
def test_a_slow_server_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first answers come later than a request waits; it is asked again, and nothing is written twice."""
    monkeypatch.setattr(s3_server, "READ_S", 0.3)
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
    monkeypatch.setattr(s3_server, "FIRST_PATIENCE_S", 0)
    certificate = tmp_path / "ca.pem"
    s3server.certify("127.0.0.1", certificate, tmp_path / "key")
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
    monkeypatch.setattr(s3_server, "FIRST_PATIENCE_S", 1)
    store = S3Store("s3://bots/x?endpoint=http://127.0.0.1:9&region=x")
    with pytest.raises(StoreError) as caught:
        store.write("key", b"")
    assert "127.0.0.1:9" in str(caught.value)
    assert "\n" not in str(caught.value)


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
