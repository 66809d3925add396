"""A server that gives prepared answers as S3 does: those that a real one gives too seldom to wait for."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


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
