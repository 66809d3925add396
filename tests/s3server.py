"""A real S3 server for tests (SeaweedFS, from its wheel): checks credentials, checksums and races, keeps its data."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

KEY, SECRET, BUCKET = "test-key", "test-secret", "bots"
PATIENCE_S = 120  # a slow machine is no fault
TRIES = 3


class Server:
    """One server on free ports of an address, with its data in a folder that outlives `kill`.

    With `tls` it has a certificate of its own, which who asks it must be told to trust: `certificate`.
    """

    def __init__(self, folder: Path, host: str = "127.0.0.1", *, tls: bool = False) -> None:
        self.folder, self.host, self.tls = folder, host, tls
        self.certificate = folder / "certificate.pem"
        self.process: subprocess.Popen[bytes] | None = None
        self.ports, self._started = _free_ports(5, host), False

    @property
    def endpoint(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.ports[0]}"

    def address(self, prefix: str) -> str:
        trusted = f"&ca_bundle={self.certificate}" if self.tls else ""
        return f"s3://{BUCKET}/{prefix}?endpoint={self.endpoint}&region=us-east-1{trusted}"

    def start(self) -> None:
        """Start, and wait until the bucket answers; at the first time on other ports where one was just taken."""
        for _ in range(TRIES):
            self._begin()
            if self._answers():
                self._started = True
                return
            self.kill()
            self.ports = self.ports if self._started else _free_ports(5, self.host)
        said = (self.folder / "said.txt").read_text(errors="replace")
        raise RuntimeError(f"the S3 server did not start: {said[-3000:]}")

    def _begin(self) -> None:
        s3, filer, master, volume, admin = self.ports
        self.folder.mkdir(parents=True, exist_ok=True)
        key = self.folder / "key.pem"
        if self.tls and not self.certificate.exists():
            certify(self.host, self.certificate, key)
        options = [
            f"-dir={self.folder}", f"-ip={self.host}", f"-ip.bind={self.host}", f"-s3.port={s3}",
            f"-filer.port={filer}", f"-master.port={master}", f"-volume.port={volume}", f"-admin.port={admin}",
            "-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
            "-master.telemetry=false", f"-bucket={BUCKET}",
            *([f"-s3.cert.file={self.certificate}", f"-s3.key.file={key}"] if self.tls else []),
        ]  # fmt: skip
        with (self.folder / "said.txt").open("ab") as said:
            self.process = subprocess.Popen(
                [_program(), "mini", *options],
                cwd=self.folder,
                env={**os.environ, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET},
                stdout=said,
                stderr=said,
            )

    def kill(self) -> None:
        """End it as a crash would."""
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        client = boto3.client(
            "s3", endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id=KEY,
            aws_secret_access_key=SECRET, verify=str(self.certificate) if self.tls else None,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )  # fmt: skip
        until = time.monotonic() + PATIENCE_S
        while self.process and self.process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(BotoCoreError, ClientError):
                client.head_bucket(Bucket=BUCKET)
                return True
            time.sleep(0.1)
        return False


@contextlib.contextmanager
def running(folder: Path, *, tls: bool = False) -> Iterator[Server]:
    """A started server, stopped when the block ends."""
    server = Server(folder, tls=tls)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def certify(host: str, certificate: Path, key: Path) -> None:
    """A certificate for an address, signed by itself, and its key."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    command += ["-addext", f"subjectAltName=IP:{host}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)


def _program() -> str:
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed") or "weed"


def _free_ports(count: int, host: str) -> list[int]:
    """Ports whose +10,000 (the server's gRPC) are free too, all of them below those that connections are given: one
    that is killed finds them free again."""
    found: set[int] = set()
    while len(found) < count:
        port = random.SystemRandom().randrange(12_000, 20_000)
        with contextlib.suppress(OSError), socket.socket() as one, socket.socket() as two:
            one.bind((host, port))
            two.bind((host, port + 10_000))
            found.add(port)
    return sorted(found)
