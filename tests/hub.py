"""A stand-in for a model hub: serves a folder of models over HTTP as huggingface_hub asks for them."""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "c0ffee" + "0" * 34


@contextlib.contextmanager
def serve(models: Path) -> Iterator[str]:
    """The address of a hub that has `models/<owner>/<name>/...`; stopped when the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"models": models}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    models: Path

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"] and parts[4:5] == ["tree"] and len(parts) == 6:
            self._listing(self.models.joinpath(*parts[2:4]), with_body)
        elif parts[:2] == ["api", "models"] and "tree" in parts[4:]:  # no sub-folders
            self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"}, with_body)
        elif parts[:2] == ["api", "models"]:
            self._model(self.models.joinpath(*parts[2:4]), "/".join(parts[2:4]), with_body)
        elif len(parts) >= 5 and parts[2] == "resolve":
            self._file(self.models.joinpath(*parts[:2], *parts[4:]), self.models.joinpath(*parts[:2]), with_body)
        else:
            self._send(404, b"{}", {"X-Error-Code": "EntryNotFound"}, with_body)

    def _model(self, folder: Path, name: str, with_body: bool) -> None:
        if not folder.is_dir():
            self._send(404, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"}, with_body)
            return
        files = [{"rfilename": path.name} for path in sorted(folder.iterdir())]
        about = {"id": name, "modelId": name, "sha": COMMIT, "siblings": files, "private": False, "tags": []}
        self._send(200, json.dumps(about).encode(), {}, with_body)

    def _listing(self, folder: Path, with_body: bool) -> None:
        files = [path for path in sorted(folder.iterdir()) if path.is_file()]
        about = [{"type": "file", "path": path.name, "size": path.stat().st_size, "oid": COMMIT} for path in files]
        self._send(200, json.dumps(about).encode(), {}, with_body)

    def _file(self, path: Path, folder: Path, with_body: bool) -> None:
        if not path.is_file():
            code = "EntryNotFound" if folder.is_dir() else "RepoNotFound"
            self._send(404, b"", {"X-Error-Code": code, "X-Repo-Commit": COMMIT}, with_body)
            return
        data = path.read_bytes()
        headers = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT}
        self._send(200, data, headers, with_body)

    def _send(self, code: int, data: bytes, headers: dict[str, str], with_body: bool) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(data)), "Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass
