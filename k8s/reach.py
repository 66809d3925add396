"""What a run names that its Pod could not reach: folders and addresses of this machine."""

import urllib.parse
from collections.abc import Iterator

from k8s.settings import Kubernetes
from pipeline.basemodels import is_folder
from pipeline.schema import Problem

LOOPBACK = ("localhost", "127.0.0.1", "::1")
MOUNT = "mount a volume there (kubernetes.volumes)"


def out_of_reach(store: str, base_model: str, settings: Kubernetes) -> Iterator[Problem]:
    """The problems of a run's image, store and base model, seen from the cluster."""
    if not settings.image:
        yield Problem(("kubernetes", "image"), "is missing; make image builds one, which the cluster must have")
    host = _host(store)
    if host in LOOPBACK:
        yield Problem(("store",), f"{store}: a Pod's {host} is the Pod itself; give the address that Pods reach")
    if "://" not in store and not settings.sees(store):
        yield Problem(("store",), f"{store} is a folder of this machine; give s3://BUCKET/PREFIX (--store), or {MOUNT}")
    if is_folder(base_model) and not settings.has_model(base_model):
        yield Problem(("base_model",), f"{base_model} is a folder of this machine; give a hub id, or {MOUNT}")


def _host(address: str) -> str:
    """The host of the server that an S3 address names; empty where it names none."""
    (endpoint, *_) = urllib.parse.parse_qs(urllib.parse.urlsplit(address).query).get("endpoint", [""])
    return urllib.parse.urlsplit(endpoint).hostname or ""
