"""The store as a bucket: conditional writes for what races, parallel checksummed transfers for what is large."""

import contextlib
import random
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from botocore import exceptions as faults

from pipeline.errors import StoreError
from pipeline.store import ABSENT, Entry, Versioned
from pipeline.store.s3_server import ABSENCE, CONFLICT, TRANSFER, UNMET, Server, cause, code, parse, unless

CONFLICTS = 6  # answers 409 to one conditional write before it counts as lost
CONDITIONAL = ("PutObject", "CompleteMultipartUpload")  # the requests that make an object
WRITER = "htctl-write"  # metadata: which upload an object is of


class S3Store:
    """A Store in a bucket, under a prefix."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.bucket, self.prefix, options = parse(address)
        self._server = Server(address, self.bucket, options)
        self._ask, self._client = self._server.ask, self._server.client
        self._conditions: dict[str, dict[str, str]] = {}  # of the uploads under way, by key
        for request in CONDITIONAL:  # boto3's uploads take no condition, so it is put into their requests
            self._client.meta.events.register(f"before-parameter-build.s3.{request}", self._add_condition)
        self._probed = False

    def place(self, key: str) -> str:
        return f"s3://{self.bucket}/{self._key(key)}"

    def read(self, key: str) -> Versioned | None:
        def get() -> Versioned:
            answer = self._client.get_object(Bucket=self.bucket, Key=self._key(key))
            return Versioned(answer["Body"].read(), answer["ETag"])

        return self._ask(key, lambda: unless(get, *ABSENCE))

    def version(self, key: str) -> str:
        return str(self._head(key).get("ETag", ABSENT))

    def write(self, key: str, data: bytes) -> None:
        self._ask(key, lambda: self._put(key, data))

    def swap(self, key: str, data: bytes, version: str) -> bool:
        def is_there() -> bool:
            found = self.read(key)
            return found is not None and found.data == data

        return self._only_if(key, version, lambda: self._put(key, data, **_condition(version)), is_there)

    def upload(self, path: Path, key: str) -> None:
        self._ask(key, lambda: self._client.upload_file(str(path), self.bucket, self._key(key), Config=TRANSFER))

    def swap_file(self, path: Path, key: str, version: str) -> bool:
        mine = {WRITER: secrets.token_hex(8)}

        def send() -> None:
            where = (str(path), self.bucket, self._key(key))
            with self._under(_condition(version), key):
                self._client.upload_file(*where, Config=TRANSFER, ExtraArgs={"Metadata": mine})

        return self._only_if(key, version, send, lambda: self._head(key).get("Metadata") == mine)

    def local(self, key: str, scratch: Path) -> Path:
        path = scratch / key
        if path.is_file():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        found = self._ask(key, lambda: unless(lambda: self._download(key, path), *ABSENCE))
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
        self._ask(key, lambda: self._client.delete_object(Bucket=self.bucket, Key=self._key(key)))

    def exists(self, key: str) -> bool:
        return bool(self._head(key))

    def _key(self, key: str) -> str:
        return f"{self.prefix}/{key}" if self.prefix else key

    def _put(self, key: str, data: bytes, **condition: str) -> None:
        self._client.put_object(Bucket=self.bucket, Key=self._key(key), Body=data, **condition)

    def _head(self, key: str) -> dict[str, Any]:
        """What the server says about an object; empty where there is none."""

        def head() -> dict[str, Any]:
            return dict(self._client.head_object(Bucket=self.bucket, Key=self._key(key)))

        return self._ask(key, lambda: unless(head, *ABSENCE)) or {}

    def _pages(self, prefix: str, **options: str) -> Iterator[dict[str, Any]]:
        query = {"Bucket": self.bucket, "Prefix": self._key(prefix), **options}
        while True:
            page = self._ask(prefix, lambda: self._client.list_objects_v2(**query))
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

    @contextlib.contextmanager
    def _under(self, condition: dict[str, str], key: str) -> Iterator[None]:
        self._conditions[self._key(key)] = condition
        try:
            yield
        finally:
            del self._conditions[self._key(key)]

    def _add_condition(self, params: dict[str, Any], **_: Any) -> None:
        """Called by boto3 before it builds a request."""
        params.update(self._conditions.get(params["Key"], {}))

    def _only_if(self, key: str, version: str, send: Callable[[], None], is_ours: Callable[[], bool]) -> bool:
        """One conditional write. A lost answer is told from a lost race by looking at what is there now."""
        if not self._probed:
            self._probe()

        def met() -> bool:
            for turn in range(CONFLICTS):
                try:
                    send()
                except Exception as error:
                    answer = code(cause(error))
                    if answer in CONFLICT:  # raced just now: ask again
                        time.sleep(random.uniform(0, 0.1 * 2**turn))
                    elif answer in UNMET or (answer in ABSENCE and version != ABSENT):
                        return False
                    else:
                        raise
                else:
                    return True
            return False

        return self._ask(key, met) or is_ours()

    def _probe(self) -> None:
        """Refuse a store that takes conditional writes for plain ones, before anything relies on them."""
        key = f".htctl/probe-{secrets.token_hex(8)}"
        self._ask(key, lambda: self._put(key, b"1"))
        try:
            new_only = self._ask(key, lambda: self._refuses(key, {"IfNoneMatch": "*"}))
            self._probed = new_only and self._ask(key, lambda: self._refuses(key, {"IfMatch": f'"{"0" * 32}"'}))
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
            if code(error) in (*UNMET, *CONFLICT):
                return True
            raise
        return False


def _condition(version: str) -> dict[str, str]:
    return {"IfNoneMatch": "*"} if version == ABSENT else {"IfMatch": version}
