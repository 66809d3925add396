"""A W&B server on a loopback socket: as much of one as wandb's own uploader asks, or one that refuses or hangs."""

import base64
import contextlib
import gzip
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "f" * 40  # of the form that W&B's keys have; nobody's


class Server:
    """What was asked of the server, and how it behaves: an HTTP status to answer with (200: well), or 0 to hang."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.asked: list[str] = []
        self.keys: set[str] = set()  # the API keys that came with requests
        self.runs: dict[str, dict[str, Any]] = {}
        self.artifacts: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.uploads: dict[str, str] = {}
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"fake": self}))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def start(self) -> None:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.over.set()
        self._http.shutdown()
        self._http.server_close()

    def history(self, run: str) -> list[dict[str, Any]]:
        """The history lines of a run, in order."""
        lines = self.runs[run]["history"]
        return [json.loads(lines[at]) for at in sorted(lines)]

    def upload_to(self, name: str) -> str:
        """An address that takes a file's bytes."""
        self.uploads[f"/upload/{len(self.uploads)}"] = name
        return f"{self.url}/upload/{len(self.uploads) - 1}"

    def answer(self, name: str, v: dict[str, Any]) -> dict[str, Any]:
        """The data of a GraphQL answer."""
        with self._lock:
            found = getattr(self, f"_{name}", None)
            return found(v) if found else {}

    def _Viewer(self, v: dict[str, Any]) -> dict[str, Any]:
        return {"viewer": {"id": "u", "entity": "me", "username": "me", "email": "me@example.org", "flags": "{}"}}

    def _RunResumeStatus(self, v: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.get(v["name"])
        if not run:
            return {"model": {"id": "p", "name": v["project"], "entity": {"id": "e", "name": "me"}, "bucket": None}}
        lines = [run["history"][at] for at in sorted(run["history"])]
        bucket = {
            "id": run["id"], "name": v["name"], "displayName": run["displayName"], "summaryMetrics": "{}",
            "logLineCount": 0, "historyLineCount": len(lines), "eventsLineCount": 0,
            "historyTail": json.dumps(lines[-1:]), "eventsTail": "[]", "config": run["config"] or "{}",
            "tags": [], "notes": "", "wandbConfig": '{"t": 1}',
        }  # fmt: skip
        return {"model": {"id": "p", "name": v["project"], "entity": {"id": "e", "name": "me"}, "bucket": bucket}}

    def _UpsertBucket(self, v: dict[str, Any]) -> dict[str, Any]:
        new = v["name"] not in self.runs
        run = self.runs.setdefault(v["name"], {"id": f"B{v['name']}", "history": {}, "summary": {}, "config": ""})
        run |= {key: v[key] for key in ("displayName", "jobType", "config", "project", "entity") if v.get(key)}
        project = {"id": "p", "name": v.get("project"), "entity": {"id": "e", "name": v.get("entity") or "me"}}
        bucket = {
            "id": run["id"], "name": v["name"], "displayName": run.get("displayName"), "description": "",
            "config": run["config"], "sweepName": "", "historyLineCount": len(run["history"]), "project": project,
        }  # fmt: skip
        return {"upsertBucket": {"inserted": new, "bucket": bucket}}

    def _CreateArtifact(self, v: dict[str, Any]) -> dict[str, Any]:
        given = v["input"]
        made = f"A{len(self.artifacts)}"
        self.artifacts[made] = {
            "name": given["artifactCollectionName"], "type": given["artifactTypeName"],
            "metadata": json.loads(given["metadata"] or "{}"), "run": given["runName"], "committed": False, "used": [],
        }  # fmt: skip
        sequence = {"latestArtifact": None}
        return {"createArtifact": {"artifact": {"id": made, "state": "PENDING", "artifactSequence": sequence}}}

    def _CreateArtifactManifest(self, v: dict[str, Any]) -> dict[str, Any]:
        file = {"id": "F", "uploadUrl": self.upload_to(f"{v['artifactID']}/{v['name']}"), "uploadHeaders": []}
        return {"createArtifactManifest": {"artifactManifest": {"id": "M", "file": file}}}

    def _CreateArtifactFiles(self, v: dict[str, Any]) -> dict[str, Any]:
        edges = [
            {"node": {"storagePath": "x", "uploadUrl": self.upload_to(f"{f['artifactID']}/{f['name']}"),
                      "uploadHeaders": [], "uploadMultipartUrls": None, "artifact": {"id": f["artifactID"]}}}
            for f in v["input"]["artifactFiles"]
        ]  # fmt: skip
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def _CommitArtifact(self, v: dict[str, Any]) -> dict[str, Any]:
        self.artifacts[v["artifactID"]]["committed"] = True
        return {"commitArtifact": {"artifact": {"id": v["artifactID"], "digest": "d"}}}

    def _UseArtifact(self, v: dict[str, Any]) -> dict[str, Any]:
        self.artifacts[v["input"]["artifactID"]]["used"].append(v["input"]["runName"])
        return {"useArtifact": {"artifact": {"id": v["input"]["artifactID"]}}}

    def _CreateRunFiles(self, v: dict[str, Any]) -> dict[str, Any]:
        files = [{"name": name, "uploadUrl": self.upload_to(f"{v['run']}/{name}")} for name in v["files"]]
        return {"createRunFiles": {"runID": v["run"], "uploadHeaders": [], "files": files}}

    def stream(self, run: str, data: dict[str, Any]) -> None:
        """What the file stream brings: history by line number, the last summary, whether the run is over."""
        with self._lock:
            found = self.runs.setdefault(run, {"id": f"B{run}", "history": {}, "summary": {}, "config": ""})
            for name, part in (data.get("files") or {}).items():
                if name == "wandb-history.jsonl":
                    found["history"] |= {part["offset"] + at: line for at, line in enumerate(part["content"])}
                if name == "wandb-summary.json":
                    found["summary"] = json.loads(part["content"][-1])
            if data.get("complete"):
                found["exitcode"] = data.get("exitcode")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._taken("")

    def do_PUT(self) -> None:
        body = self._body()
        self.fake.files[self.fake.uploads.get(self.path, self.path)] = body
        self._say({})

    def do_POST(self) -> None:
        body = self._body()
        if not self.path.endswith("/graphql"):
            if self._taken("file_stream"):
                self.fake.stream(self.path.split("/")[-2], json.loads(body))
                self._say({})
            return
        asked = json.loads(body)
        name = re.search(r"(?:query|mutation)\s+(\w+)", asked["query"])
        if self._taken(name.group(1) if name else "?"):
            self._say({"data": self.fake.answer(name.group(1), asked.get("variables") or {}) if name else {}})

    def _taken(self, what: str) -> bool:
        """Note a request; False where the server does not behave, and has answered so, or hung."""
        self.fake.asked.append(what)
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            self.fake.keys.add(base64.b64decode(given).decode().partition(":")[2])
        if self.fake.status == 0:
            self.fake.over.wait(600)
            self.close_connection = True
        elif self.fake.status != 200:
            self._say({"errors": [{"message": "no"}]}, self.fake.status)
        return self.fake.status == 200

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _say(self, data: Any, status: int = 200) -> None:
        text = json.dumps(data).encode()
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # who asked has gone
            super().handle()


@contextlib.contextmanager
def running(status: int = 200) -> Iterator[Server]:
    """A server for the length of a block."""
    server = Server(status)
    server.start()
    try:
        yield server
    finally:
        server.stop()
