"""The server behind a bucket: its address, the client, how long it is waited for, and its answers in words.

An address is `s3://BUCKET/PREFIX`; what botocore reads from its environment and files holds here too
(credentials, AWS_ENDPOINT_URL_S3, AWS_REGION, AWS_CA_BUNDLE, AWS_REQUEST_CHECKSUM_CALCULATION), and what
must travel with the address can be added to it:
`?endpoint=URL&region=NAME&path_style=true&checksums=when_required&ca_bundle=FILE`.
"""

import itertools
import os
import random
import time
import urllib.parse
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import boto3
from boto3.s3.transfer import TransferConfig
from botocore import exceptions as faults
from botocore.config import Config

from pipeline.errors import ConfigError, CredentialError, HtctlError, StoreError

T = TypeVar("T")

CONNECT_S, READ_S = 10, 60  # a server that is silent for longer is asked again
ATTEMPTS = 3  # botocore's own, within a second or two
PATIENCE_S = 150  # then ours: a server that has answered before may be away for so long
FIRST_PATIENCE_S = 10
LONGEST_PAUSE_S = 10
AT_ONCE = max(4, min(10, 2 * (os.cpu_count() or 1)))  # parts of a file: more than two a core only switch about
TRANSFER = TransferConfig(multipart_threshold=16 << 20, multipart_chunksize=16 << 20, max_concurrency=AT_ONCE)
OPTIONS = ("endpoint", "region", "path_style", "checksums", "ca_bundle")
CHOICES = {"path_style": ("true", "false"), "checksums": ("when_supported", "when_required")}
ABSENCE = ("NoSuchKey", "404")  # answers of AWS and of the compatibles
UNMET = ("PreconditionFailed", "412")
CONFLICT = ("ConditionalRequestConflict", "409")
REFUSED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "403"}
FULL = 507  # Insufficient Storage: waiting does not help


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
    for name, choices in CHOICES.items():
        if options.get(name, choices[0]) not in choices:
            raise ConfigError(f"store '{address}': {name} must be {' or '.join(choices)}, not '{options[name]}'")
    if not parts.netloc or parts.fragment:
        raise ConfigError(f"store '{address}': must be s3://BUCKET or s3://BUCKET/PREFIX")
    return Address(parts.netloc, parts.path.strip("/"), options)


class Server:
    """Asks the server of an address: what is away is waited for, every other fault becomes one line."""

    def __init__(self, address: str, bucket: str, options: dict[str, str]) -> None:
        self.address, self.bucket = address, bucket
        try:
            self.client = _client(options)
        except ValueError as error:  # botocore's, which names the endpoint
            raise ConfigError(f"store {address}: {error}; it must begin with http:// or https://") from None
        self._answered = False

    def ask(self, key: str, call: Callable[[], T]) -> T:
        """What `call` returns. A server that never answered is waited for shortly only: its address may be wrong."""
        started = time.monotonic()
        for turn in itertools.count():
            try:
                result = call()
            except (faults.BotoCoreError, faults.ClientError, boto3.exceptions.Boto3Error, OSError) as error:
                reason = cause(error)
                pause = random.uniform(0.5, 1) * min(0.5 * 2**turn, LONGEST_PAUSE_S)
                patience = PATIENCE_S if self._answered else FIRST_PATIENCE_S
                if not _is_away(reason) or time.monotonic() + pause > started + patience:
                    raise self._told(reason, key) from error
                time.sleep(pause)
            else:
                self._answered = True
                return result
        raise AssertionError("unreachable")

    def _told(self, error: Exception, key: str) -> HtctlError:
        """The fault as one line that says what to do."""
        answer = code(error)
        if isinstance(error, faults.NoCredentialsError | faults.PartialCredentialsError):
            return CredentialError(
                f"store {self.address}: no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
            )
        if answer == "NoSuchBucket":
            return StoreError(f"store {self.address}: there is no bucket '{self.bucket}'; make it or mend the address")
        if answer in REFUSED:
            return CredentialError(f"store {self.address}: the credentials were refused for {key} ({answer})")
        if "WRONG_VERSION_NUMBER" in str(error):
            return StoreError(f"store {self.address}: the server does not speak https; is its endpoint http://...?")
        if _status(error) == FULL:
            return StoreError(f"store {self.address} is full: {key} could not be written; make room and run again")
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
    where = {"endpoint_url": endpoint, "region_name": options.get("region"), "verify": options.get("ca_bundle")}
    return session.client("s3", config=Config(**settings), **where)


def unless(call: Callable[[], T], *codes: str) -> T | None:
    """What `call` returns, or None where the server answers one of `codes`."""
    try:
        return call()
    except faults.ClientError as error:
        if code(error) in codes:
            return None
        raise


def code(error: Exception) -> str:
    """S3's name for an answer, such as NoSuchKey; empty for what is no answer."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, faults.ClientError) else ""


def cause(error: Exception) -> Exception:
    """The server's answer behind an upload's error."""
    context = error.__context__
    return context if isinstance(context, faults.ClientError) else error


def _is_away(error: Exception) -> bool:
    """Whether asking again later can help: no connection, no answer, or the server's own trouble."""
    if isinstance(error, faults.ClientError):
        return _status(error) >= 500 and _status(error) != FULL
    return isinstance(error, faults.HTTPClientError | faults.ConnectionError | boto3.exceptions.RetriesExceededError)


def _status(error: Exception) -> int:
    """The HTTP status of a server's answer; 0 where there was none."""
    answer = error.response if isinstance(error, faults.ClientError) else {}
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
