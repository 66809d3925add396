"""The store as a bucket: conditional writes for what races, parallel checksummed transfers for what is large.

An address is `s3://BUCKET/PREFIX`; what botocore reads from its environment and files holds here too
(credentials, AWS_ENDPOINT_URL_S3, AWS_REGION, AWS_CA_BUNDLE, AWS_REQUEST_CHECKSUM_CALCULATION), and what
must travel with the address can be added to it: `?endpoint=URL&region=NAME&path_style=true&checksums=when_required`.
"""

import itertools
import random
import secrets
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import boto3
from boto3.s3.transfer import TransferConfig
from botocore import exceptions as faults
from botocore.config import Config

from pipeline.errors import ConfigError, CredentialError, HtctlError, StoreError
from pipeline.store import ABSENT, Entry, Versioned

T = TypeVar("T")

CONNECT_S, READ_S = 10, 60  # a server that is silent for longer is asked again
ATTEMPTS = 3  # botocore's own, within a second or two
PATIENCE_S = 150  # then ours: a server that has answered before may be away for so long
FIRST_PATIENCE_S = 10
LONGEST_PAUSE_S = 10
CONFLICTS = 6  # answers 409 to one conditional write before it counts as lost
TRANSFER = TransferConfig(multipart_threshold=16 << 20, multipart_chunksize=16 << 20, max_concurrency=8)
OPTIONS = ("endpoint", "region", "path_style", "checksums")
ABSENCE = ("NoSuchKey", "404")  # answers of AWS and of the compatibles
UNMET = ("PreconditionFailed", "412")
CONFLICT = ("ConditionalRequestConflict", "409")
REFUSED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "403"}


class Address(NamedTuple):
    """An `s3://` address taken apart; `options` are those of OPTIONS that it names."""

    bucket: str
    prefix: str
    options: dict[str, str]


def parse(address: str) -> Address:
    """The parts of an `s3://` address; raises ConfigError where it is none."""
    parts = urllib.parse.urlsplit(address)
    options = dict(urllib.parse.parse_qsl(parts.query))
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise ConfigError(f"store '{address}': unknown option '{unknown[0]}'; known: {', '.join(OPTIONS)}")
    if not parts.netloc or parts.fragment:
        raise ConfigError(f"store '{address}': must be s3://BUCKET or s3://BUCKET/PREFIX")
    return Address(parts.netloc, parts.path.strip("/"), options)


class S3Store:
    """A Store in a bucket, under a prefix."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.bucket, self.prefix, options = parse(address)
        self._client = _client(options)
        self._probed = self._answered = False

    def place(self, key: str) -> str:
        return f"s3://{self.bucket}/{self._key(key)}"

    def read(self, key: str) -> Versioned | None:
        def get() -> Versioned:
            answer = self._client.get_object(Bucket=self.bucket, Key=self._key(key))
            return Versioned(answer["Body"].read(), answer["ETag"])

        return self._do(key, lambda: _unless(get, *ABSENCE))

    def write(self, key: str, data: bytes) -> None:
        self._do(key, lambda: self._put(key, data))

    def swap(self, key: str, data: bytes, version: str) -> bool:
        if not self._probed:
            self._probe()
        return self._do(key, lambda: self._swap(key, data, version))

    def upload(self, path: Path, key: str) -> None:
        self._do(key, lambda: self._client.upload_file(str(path), self.bucket, self._key(key), Config=TRANSFER))

    def local(self, key: str, scratch: Path) -> Path:
        path = scratch / key
        if path.is_file():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        found = self._do(key, lambda: _unless(lambda: self._download(key, path), *ABSENCE))
        if found is None:
            raise StoreError(f"{self.address}: {key} is missing from the store")
        return found

    def list(self, prefix: str) -> Iterator[Entry]:
        for page in self._pages(prefix):
            for item in page.get("Contents", []):
                yield Entry(item["Key"].removeprefix(self._key("")), item["Size"])

    def folders(self, prefix: str) -> Iterator[str]:
        for page in self._pages(prefix, Delimiter="/"):
            for item in page.get("CommonPrefixes", []):
                yield item["Prefix"].removeprefix(self._key(prefix)).rstrip("/")

    def delete(self, key: str) -> None:
        self._do(key, lambda: self._client.delete_object(Bucket=self.bucket, Key=self._key(key)))

    def exists(self, key: str) -> bool:
        def head() -> bool:
            return bool(self._client.head_object(Bucket=self.bucket, Key=self._key(key)))

        return bool(self._do(key, lambda: _unless(head, *ABSENCE)))

    def _key(self, key: str) -> str:
        return f"{self.prefix}/{key}" if self.prefix else key

    def _put(self, key: str, data: bytes, **condition: str) -> None:
        self._client.put_object(Bucket=self.bucket, Key=self._key(key), Body=data, **condition)

    def _pages(self, prefix: str, **options: str) -> Iterator[dict[str, Any]]:
        query = {"Bucket": self.bucket, "Prefix": self._key(prefix), **options}
        while True:
            page = self._do(prefix, lambda: self._client.list_objects_v2(**query))
            yield page
            if not page.get("IsTruncated"):
                return
            query["ContinuationToken"] = page["NextContinuationToken"]

    def _download(self, key: str, path: Path) -> Path:
        half = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            self._client.download_file(self.bucket, self._key(key), str(half), Config=TRANSFER)
            half.replace(path)
        finally:
            half.unlink(missing_ok=True)
        return path

    def _swap(self, key: str, data: bytes, version: str) -> bool:
        """One conditional write. A lost answer is told from a lost race by reading what is there now."""
        condition = {"IfNoneMatch": "*"} if version == ABSENT else {"IfMatch": version}
        for turn in range(CONFLICTS):
            try:
                self._put(key, data, **condition)
            except faults.ClientError as error:
                if _code(error) in CONFLICT:  # raced just now: ask again
                    time.sleep(random.uniform(0, 0.1 * 2**turn))
                elif _code(error) in (*UNMET, *ABSENCE):
                    break
                else:
                    raise
            else:
                return True
        found = self.read(key)
        return found is not None and found.data == data

    def _probe(self) -> None:
        """Refuse a store that takes conditional writes for plain ones, before anything relies on them."""
        key = f".htctl/probe-{secrets.token_hex(8)}"
        self._do(key, lambda: self._put(key, b"1"))
        try:
            new_only = self._do(key, lambda: self._refuses(key, {"IfNoneMatch": "*"}))
            self._probed = new_only and self._do(key, lambda: self._refuses(key, {"IfMatch": f'"{"0" * 32}"'}))
        finally:
            self.delete(key)
        if not self._probed:
            raise StoreError(
                f"store {self.address}: this server ignores conditional writes (If-Match, If-None-Match), so two runs "
                "could overwrite each other; use one that has them, or a folder"
            )

    def _refuses(self, key: str, condition: dict[str, str]) -> bool:
        try:
            self._put(key, b"2", **condition)
        except faults.ClientError as error:
            if _code(error) in (*UNMET, *CONFLICT):
                return True
            raise
        return False

    def _do(self, key: str, call: Callable[[], T]) -> T:
        """What `call` returns. A server that is away is waited for; every other fault is one line.

        A server that never answered is waited for shortly only: its address may be wrong.
        """
        started = time.monotonic()
        for turn in itertools.count():
            try:
                result = call()
            except (faults.BotoCoreError, faults.ClientError, boto3.exceptions.Boto3Error, OSError) as error:
                cause = _cause(error)
                pause = random.uniform(0.5, 1) * min(0.5 * 2**turn, LONGEST_PAUSE_S)
                patience = PATIENCE_S if self._answered else FIRST_PATIENCE_S
                if not _is_away(cause) or time.monotonic() + pause > started + patience:
                    raise self._told(cause, key) from error
                time.sleep(pause)
            else:
                self._answered = True
                return result
        raise AssertionError("unreachable")

    def _told(self, error: Exception, key: str) -> HtctlError:
        """The fault as one line that says what to do."""
        code = _code(error) if isinstance(error, faults.ClientError) else ""
        if isinstance(error, faults.NoCredentialsError | faults.PartialCredentialsError):
            return CredentialError(
                f"store {self.address}: no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
            )
        if code == "NoSuchBucket":
            return StoreError(f"store {self.address}: there is no bucket '{self.bucket}'; make it or mend the address")
        if code in REFUSED:
            return CredentialError(f"store {self.address}: the credentials were refused for {key} ({code})")
        return StoreError(f"store {self.address}: cannot read or write {key}: {' '.join(str(error).split())}")


def _client(options: dict[str, str]) -> Any:
    endpoint, checksums = options.get("endpoint"), options.get("checksums")
    path_style = options.get("path_style", str(bool(endpoint))).lower() == "true"
    settings: dict[str, Any] = {
        "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS},
        "connect_timeout": CONNECT_S,
        "read_timeout": READ_S,
        "max_pool_connections": 2 * TRANSFER.max_concurrency,
        "s3": {"addressing_style": "path" if path_style else "auto"},
    }
    if checksums:
        settings |= {"request_checksum_calculation": checksums, "response_checksum_validation": checksums}
    session = boto3.session.Session()  # not the shared default one, which keeps the first credentials it saw
    return session.client("s3", endpoint_url=endpoint, region_name=options.get("region"), config=Config(**settings))


def _unless(call: Callable[[], T], *codes: str) -> T | None:
    """What `call` returns, or None where the server answers one of `codes`."""
    try:
        return call()
    except faults.ClientError as error:
        if _code(error) in codes:
            return None
        raise


def _code(error: faults.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _cause(error: Exception) -> Exception:
    """The server's answer behind an upload's error."""
    context = error.__context__
    return context if isinstance(context, faults.ClientError) else error


def _is_away(error: Exception) -> bool:
    """Whether asking again later can help: no connection, no answer, or the server's own trouble."""
    if isinstance(error, faults.ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500
    return isinstance(error, faults.HTTPClientError | faults.ConnectionError | boto3.exceptions.RetriesExceededError)
