"""A namespace of the cluster with the Secret of the store's keys, gone with all in it after."""

import base64
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from k8s import connection
from k8s.cluster import CORE
from k8s.connection import Connection
from tests.cluster import scene

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@contextmanager
def made(labels: Mapping[str, str] | None = None) -> Iterator[Connection]:
    """A connection whose namespace it is."""
    asked = connection.connect()
    asked.namespace = f"htctl-test-{secrets.token_hex(3)}"
    about = {"name": asked.namespace, "labels": dict(labels or {})}
    asked.ask("POST", "/api/v1/namespaces", body={"apiVersion": "v1", "kind": "Namespace", "metadata": about})
    try:
        data = {key: base64.b64encode(os.environ[key].encode()).decode() for key in KEYS}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": scene.SECRET}, "data": data}
        asked.ask("POST", f"{CORE.format(namespace=asked.namespace)}/secrets", body=secret)
        yield asked
    finally:
        asked.ask("DELETE", f"/api/v1/namespaces/{asked.namespace}")
