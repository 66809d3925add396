"""A server on a loopback socket that speaks X's API v2: look-up, timelines with paging and cap, limits, any fault."""

import contextlib
import json
import sys
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest

TOKEN = "AAAA-not-a-real-token-zzzz"
CAP = 3200
PROBLEMS = "https://api.twitter.com/2/problems"


class Asked(NamedTuple):
    """A question: `user` or `posts`, of which handle, its parameters, and what was answered."""

    what: str
    handle: str
    query: dict[str, str]
    status: int


class Fault(NamedTuple):
    """What the server answers instead: a status (0: the connection is cut, -1: nothing is ever said), headers, body."""

    status: int
    body: Any = b""
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


class Server:
    """Accounts with their posts, newest first; `fault(what, number)` may give what is answered instead."""

    def __init__(self, *, cap: int = CAP, delay: float = 0.0, host: str = "127.0.0.1") -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.posts: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[Asked] = []
        self.fault: Callable[[str, int], Fault | None] = lambda what, number: None
        self.cap, self.delay = cap, delay
        self.forgotten = False  # whether page tokens are refused
        self.new_names = False  # whether fields have X's new names, in questions and answers
        self.looping = False  # whether every page points to itself
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._http = _Http((host, 0), type("Bound", (_Handler,), {"fake": self}))
        self._http.daemon_threads = True
        self.url = f"http://{host}:{self._http.server_address[1]}"

    def account(self, handle: str, posts: list[dict[str, Any]], **user: Any) -> None:
        """An account; `posts` are X API v2 objects, newest first."""
        about = {"id": str(1000 + len(self.users)), "username": handle, "name": f"{handle} ✨", "protected": False}
        about |= {"description": "posts", "created_at": "2009-06-02T20:12:29.000Z"}
        about |= {"profile_image_url": f"https://pbs.example/{handle}_normal.jpg"}
        about |= {"public_metrics": {"tweet_count": len(posts), "followers_count": 7}}
        self.users[handle.lower()] = {**about, **user}
        self.posts[handle.lower()] = [{"edit_history_tweet_ids": [post["id"]], **post} for post in posts]

    def count(self, what: str = "posts") -> int:
        """How many questions of a kind were answered well."""
        return sum(1 for asked in self.asked if asked.what == what and asked.status == 200)

    def pages(self) -> Counter[tuple[str, str]]:
        """How often each page of posts was given, by handle and the id before which it begins."""
        return Counter((a.handle, a.query.get("pagination_token", "")) for a in self.asked if a.what == "posts")

    def start(self) -> None:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self.over.set()
        self._http.shutdown()
        self._http.server_close()

    def answer(self, path: str, query: dict[str, str]) -> Fault:
        """What a question is answered with, and that it was asked."""
        what, handle = self._question(path)
        with self._lock:
            number = sum(1 for asked in self.asked if asked.what == what) + 1
            found = self.fault(what, number) or getattr(self, f"_{what}")(handle, query)
            self.asked.append(Asked(what, handle, query, found.status))
        time.sleep(self.delay)
        return found

    def _question(self, path: str) -> tuple[str, str]:
        parts = path.strip("/").split("/")
        if parts == ["2", "users", "by"]:
            return "users", ""
        if parts[:4] == ["2", "users", "by", "username"]:
            return "user", parts[4].lower()
        by_id = {user["id"]: handle for handle, user in self.users.items()}
        return "posts", by_id.get(parts[2], "") if parts[:2] == ["2", "users"] and parts[3:] == ["tweets"] else ""

    def _user(self, handle: str, query: dict[str, str]) -> Fault:
        if handle not in self.users:
            return Fault(
                200, {"errors": [problem("resource-not-found", f"Could not find user with username: [{handle}].")]}
            )
        return Fault(200, {"data": self.users[handle]})

    def _users(self, handle: str, query: dict[str, str]) -> Fault:
        asked = query["usernames"].split(",")
        there = [self.users[name.lower()] for name in asked if name.lower() in self.users]
        missing = [name for name in asked if name.lower() not in self.users]
        errors = [problem("resource-not-found", f"Could not find user with usernames: [{name}].") for name in missing]
        return Fault(200, {**({"data": there} if there else {}), **({"errors": errors} if errors else {})})

    def _posts(self, handle: str, query: dict[str, str]) -> Fault:
        if not handle:
            return Fault(200, {"errors": [problem("resource-not-found", "Could not find user with id.")]})
        fields = "post.fields" if self.new_names else "tweet.fields"
        if fields not in query:
            message = f"The query parameter [{', '.join(query)}] is not one of [{fields}]"
            return Fault(400, {"errors": [{"message": message}], "title": "Invalid Request"})
        token = query.get("pagination_token", "")
        if token and self.forgotten:
            message = "Invalid 'pagination_token': [x]"
            return Fault(400, {"errors": [{"parameters": {"pagination_token": [token]}, "message": message}]})
        if self.looping:
            token = ""
        before = int(token.removeprefix("t") or query.get("until_id") or 10**30)
        after = int(query.get("since_id") or 0)
        visible = [post for post in self.posts[handle][: self.cap] if after < int(post["id"]) < before]
        size = int(query.get("max_results", 10))
        page = visible[:size]
        meta: dict[str, Any] = {"result_count": len(page)}
        if not page:
            return Fault(200, {"meta": meta})
        meta |= {"newest_id": page[0]["id"], "oldest_id": page[-1]["id"]}
        if len(visible) > size or self.looping:
            meta["next_token"] = "loop" if self.looping else f"t{page[-1]['id']}"
        return Fault(200, {"data": [renamed(post) for post in page] if self.new_names else page, "meta": meta})


def problem(kind: str, detail: str, **more: Any) -> dict[str, Any]:
    """An error as X writes it."""
    return {"type": f"{PROBLEMS}/{kind}", "title": kind, "detail": detail, "parameter": "username", **more}


def renamed(post: dict[str, Any]) -> dict[str, Any]:
    """A post under X's new names."""
    names = {"note_tweet": "note_post", "referenced_tweets": "referenced_posts"}
    names |= {"edit_history_tweet_ids": "edit_history_post_ids"}
    return {names.get(key, key): value for key, value in post.items()}


def posts(count: int, start: int = 10**18) -> list[dict[str, Any]]:
    """So many different posts, newest first; every fifth is a retweet."""
    made = []
    for number in range(count, 0, -1):
        post: dict[str, Any] = {"id": str(start + number), "text": f"post number {number} says one more thing"}
        post["created_at"] = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(1_600_000_000 + 60 * number))
        if number % 5 == 0:
            post |= {"text": f"RT @other: {post['text']}", "referenced_tweets": [{"type": "retweeted", "id": "1"}]}
        made.append(post)
    return made


def tweets(texts: list[str]) -> list[dict[str, Any]]:
    """Posts with these texts, the first the oldest."""
    return [{"id": str(10**18 + number), "text": text} for number, text in enumerate(texts)][::-1]


@contextlib.contextmanager
def running(**settings: Any) -> Iterator[Server]:
    """A server for the block."""
    server = Server(**settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def as_x(environment: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with @alice and @bob, of 120 posts each, which the environment names as X for the block."""
    with running() as server:
        for handle in ("alice", "bob"):
            server.account(handle, posts(120))
        environment.setenv("X_BEARER_TOKEN", TOKEN)
        environment.setenv("HTCTL_X_API", server.url)
        yield server


class _Http(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients are killed in the middle of it, and that is no fault of the server."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    fake: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        query = {key: values[0] for key, values in urllib.parse.parse_qs(parts.query).items()}
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            found = Fault(
                401, {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"}
            )
        else:
            found = self.fake.answer(parts.path, query)
        if found.status == -1:
            self.fake.over.wait(30)
        if found.status <= 0:
            self.close_connection = True
            return
        body = found.body if isinstance(found.body, bytes) else json.dumps(found.body).encode()
        self.send_response(found.status)
        for name, value in {"Content-Length": str(len(body)), **found.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        if found.headers.get("Content-Length", str(len(body))) != str(len(body)):
            self.close_connection = True

    def log_message(self, *arguments: Any) -> None:
        pass
