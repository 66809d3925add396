"""What the test servers of sources share: a loopback socket, questions counted, any fault in an answer's place."""

import contextlib
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, TypeVar

HTML = b"<!DOCTYPE html><html><body>Just a moment...</body></html>"
CUT, SILENT = 0, -1


class Asked(NamedTuple):
    """A question: its path, its parameters, what it said in its headers, and the status that answered it."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    status: int


class Answer(NamedTuple):
    """What is answered: a status (CUT: half an answer, SILENT: nothing, for good), a body, headers."""

    status: int
    body: Any = b""
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed

    @property
    def data(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()

    @property
    def kind(self) -> str:
        return "text/html" if self.body == HTML else "application/json; charset=utf-8"


class Server:
    """A server that is started by `running`; `fault(number of the question)` may give what is answered instead."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.fault: Callable[[int], Answer | None] = lambda number: None
        self.limit_headers: dict[str, str] = {}  # on every answer
        self.over = threading.Event()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"server_of": self}))
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"

    def answer(self, path: str, query: dict[str, str]) -> Answer:
        """What the real server would answer."""
        raise NotImplementedError

    def failing(self, *answers: Answer) -> None:
        """The next questions are answered with these, all further ones well."""
        begin = len(self.asked)
        self.fault = lambda number: answers[number - begin] if number - begin < len(answers) else None

    def count(self, part: str = "", status: int = 200) -> int:
        """How many questions with this in their path were answered so."""
        return sum(1 for asked in self.asked if part in asked.path and asked.status == status)


ServerT = TypeVar("ServerT", bound=Server)


@contextlib.contextmanager
def running(server: ServerT) -> Iterator[ServerT]:
    """The server, until the block ends."""
    thread = threading.Thread(target=server.http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.http.shutdown()
        server.http.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # so that an answer that is cut is seen to be
    server_of: Server

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        given = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        answer = self.server_of.fault(len(self.server_of.asked)) or self.server_of.answer(path, given)
        self.server_of.asked.append(Asked(path, given, dict(self.headers), answer.status))
        if answer.status == SILENT:
            self.server_of.over.wait(30)
            self.close_connection = True
            return
        self.send_response(answer.status or 200)
        length = len(answer.data) + (1000 if answer.status == CUT else 0)
        own = {"Content-Type": answer.kind, "Content-Length": str(length)}
        for name, value in {**own, **self.server_of.limit_headers, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.data)
        self.close_connection = self.close_connection or answer.status == CUT

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass
