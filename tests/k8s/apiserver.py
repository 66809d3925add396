"""A small API server on a socket: Jobs, Pods, Services and Workloads in memory, and answers as a test scripts them."""

import contextlib
import json
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kubernetes import client

from k8s.cluster import KubernetesCluster
from k8s.connection import Connection

DROP = 0  # in place of a status: the connection is closed without an answer
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: fake
contexts: [{name: fake, context: {cluster: fake, user: fake, namespace: %(namespace)s}}]
clusters: [{name: fake, cluster: {server: "%(url)s"}}]
users: [{name: fake, user: {token: secret}}]
"""
PLURALS = {"jobs": "Job", "pods": "Pod", "services": "Service", "workloads": "Workload", "events": "Event"}


def status(code: int, message: str, reason: str = "", wait: str = "") -> tuple[int, dict[str, Any], str]:
    """An answer to script: what Kubernetes says of a refusal, and its Retry-After."""
    return code, {"kind": "Status", "message": message, "reason": reason, "code": code}, wait


class State:
    """What the server has, what it was asked, and what it is to answer next."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {kind: {} for kind in PLURALS.values()}
        self.asked: list[str] = []  # METHOD path?query
        self.script: dict[str, list[tuple[int, Any, str]]] = {}  # by method (or WATCH), used once each
        self.events: list[dict[str, Any]] = []
        self.version = 0
        self.lock = threading.Condition()
        self.most_at_once = self.at_once = 0
        self.url = self.agent = ""  # where it is, and how the last who asked called itself

    def change(self, what: str, kind: str, found: dict[str, Any]) -> None:
        """Have an object ADDED, MODIFIED or DELETED, and tell those who watch."""
        with self.lock:
            self.version += 1
            found["metadata"]["resourceVersion"] = str(self.version)
            found["metadata"].setdefault("uid", f"uid-{self.version}")
            if what == "DELETED":
                del self.objects[kind][found["metadata"]["name"]]
            else:
                self.objects[kind][found["metadata"]["name"]] = found
            self.events.append({"type": what, "kind": kind, "object": json.loads(json.dumps(found))})
            self.lock.notify_all()

    def end(self, name: str, condition: str = "Complete") -> None:
        """Have a Job end."""
        job = self.objects["Job"][name]
        self.change("MODIFIED", "Job", {**job, "status": {"conditions": [{"type": condition, "status": "True"}]}})

    def matching(self, kind: str, selector: str) -> list[dict[str, Any]]:
        wanted = [part.split("=", 1) for part in selector.split(",") if part]
        return [item for item in self.objects[kind].values() if _matches(item, wanted)]


def _matches(item: dict[str, Any], wanted: list[list[str]]) -> bool:
    return all(item["metadata"].get("labels", {}).get(key) == value for key, value in wanted)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: State

    def log_message(self, *_: Any) -> None:
        pass

    def do_any(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")
        state, method = self.state, "WATCH" if "watch" in query else self.command
        with state.lock:
            state.asked.append(f"{method} {self.path}")
            state.agent = self.headers["User-Agent"]
            state.at_once += 1
            state.most_at_once = max(state.most_at_once, state.at_once)
            scripted = state.script.get(method) or []
            answer = scripted.pop(0) if scripted else None
        try:
            if answer:
                self.say(*answer)
            else:
                *_, plural, name = (
                    url.path.split("/") if not url.path.endswith(tuple(PLURALS)) else [*url.path.split("/"), ""]
                )
                getattr(self, method)(PLURALS[plural], name, query, body)
        finally:
            with state.lock:
                state.at_once -= 1

    do_GET = do_POST = do_PATCH = do_DELETE = do_any  # noqa: N815

    def say(self, code: int, found: Any, wait: str = "") -> None:
        if code == DROP:
            self.close_connection = True
            return
        data = json.dumps(found).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        if wait:
            self.send_header("Retry-After", wait)
        self.end_headers()
        self.wfile.write(data)

    def GET(self, kind: str, name: str, query: dict[str, str], body: Any) -> None:
        if name:
            found = self.state.objects[kind].get(name)
            return self.say(200, found) if found else self.say(*status(404, f"{name} not found")[:2])
        items, start = self.state.matching(kind, query.get("labelSelector", "")), int(query.get("continue") or 0)
        limit = int(query.get("limit") or len(items) or 1)
        more = str(start + limit) if start + limit < len(items) else ""
        page, accept = items[start : start + limit], self.headers["Accept"]
        metadata = {"resourceVersion": str(self.state.version), "continue": more}
        if "as=Table" in accept:
            return self.say(
                200, {"rows": [{"cells": [item["metadata"]["name"]]} for item in page], "metadata": metadata}
            )
        if "PartialObjectMetadata" in accept:
            page = [{"metadata": item["metadata"]} for item in page]
        return self.say(200, {"items": page, "metadata": metadata})

    def POST(self, kind: str, name: str, query: dict[str, str], body: Any) -> None:
        name = body["metadata"]["name"]
        if name in self.state.objects[kind]:
            return self.say(*status(409, f"{name} already exists", "AlreadyExists"))
        body.setdefault("status", {})
        if "dryRun" not in query:
            self.state.change("ADDED", kind, body)
        return self.say(
            201, {"metadata": body["metadata"]} if "PartialObjectMetadata" in self.headers["Accept"] else body
        )

    def PATCH(self, kind: str, name: str, query: dict[str, str], body: Any) -> None:
        found = self.state.objects[kind].get(name)
        if not found:
            return self.say(*status(404, f"{name} not found"))
        self.state.change("MODIFIED", kind, {**found, "spec": {**found["spec"], **body["spec"]}})
        return self.say(200, found)

    def DELETE(self, kind: str, name: str, query: dict[str, str], body: Any) -> None:
        found = self.state.objects[kind].get(name)
        if not found:
            return self.say(*status(404, f"{name} not found"))
        self.state.change("DELETED", kind, found)
        return self.say(200, found)

    def WATCH(self, kind: str, name: str, query: dict[str, str], body: Any) -> None:
        """What changes, until the server is stopped or a test has the watch end (an answer in the script)."""
        version = int(query["resourceVersion"])
        wanted = [part.split("=", 1) for part in query.get("labelSelector", "").split(",") if part]
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        sent = 0
        while not self.state.script.get("END"):
            with self.state.lock:
                events = self.state.events[sent:]
                sent = len(self.state.events)
                if not events:
                    self.state.lock.wait(0.05)
            for event in events:
                found = event["object"]
                new = int(found["metadata"]["resourceVersion"]) > version
                if new and event["kind"] == kind and _matches(found, wanted):
                    line = json.dumps({"type": event["type"], "object": found}).encode() + b"\n"
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.write(b"0\r\n\r\n")
        self.state.script["END"].pop()


def kubeconfig(url: str, namespace: str = "bots") -> str:
    """The text of a file by which kubectl and htctl find the server."""
    return KUBECONFIG % {"url": url, "namespace": namespace}


@contextlib.contextmanager
def running(patience: float = 5) -> Iterator[tuple[State, KubernetesCluster]]:
    """A server on a free port, and the cluster that it is."""
    state = State()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"state": state}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    configuration = client.Configuration(host=state.url)
    configuration.connection_pool_maxsize = 32
    try:
        yield state, KubernetesCluster(Connection(client.ApiClient(configuration), "bots", patience))
    finally:
        state.script["END"] = [status(0, "")] * 100
        server.shutdown()
        server.server_close()
