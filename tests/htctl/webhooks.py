"""A validating webhook that refuses every Job of a namespace: an HTTPS server here, and its registration."""

import base64
import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from k8s.connection import Connection
from tests import s3server

PATH = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


class Refuses(BaseHTTPRequestHandler):
    """Says no, and why."""

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {"uid": asked["request"]["uid"], "allowed": False, "status": {"message": "Jobs need an owner label"}}
        data = json.dumps({**asked, "request": None, "response": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextlib.contextmanager
def refusing(admin: Connection, namespace: str, host: str, folder: Path) -> Iterator[None]:
    """The webhook is there while the block lasts; `host` is an address of this machine that the API server reaches."""
    certificate, key = folder / "webhook.pem", folder / "webhook.key"
    s3server.certify(host, certificate, key)
    server = ThreadingHTTPServer((host, 0), Refuses)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hook = {
        "name": f"{namespace}.example.org",
        "clientConfig": {
            "url": f"https://{host}:{server.server_port}/",
            "caBundle": base64.b64encode(certificate.read_bytes()).decode(),
        },
        "rules": [{"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    admin.ask("POST", PATH, {}, {"metadata": {"name": namespace}, "webhooks": [hook]})
    try:
        yield
    finally:
        admin.ask("DELETE", f"{PATH}/{namespace}")
        server.shutdown()
        server.server_close()
