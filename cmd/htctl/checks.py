"""What `htctl doctor` looks at: each check says what is wrong and what mends it."""

import importlib.util
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from htctl.batch import Batch, Group
from htctl.process import NEEDED
from k8s import raw
from k8s.cluster import Cluster
from k8s.errors import AlreadyThereError, ClusterError, ForbiddenError, NotThereError
from k8s.manifests import Manifest
from pipeline import basemodels, config
from pipeline.errors import HtctlError
from pipeline.store import Store
from pipeline.store.trial import trial

OK, BAD, NOTE = "ok", "bad", "note"
HUB_S = 5
KEY = "WANDB_API_KEY"

# What the commands do in the namespace: verb, API group, resource, and for what.
WANTED = (
    ("create", "batch", "jobs", "submit"),
    ("get", "batch", "jobs", "submit, status"),
    ("list", "batch", "jobs", "status"),
    ("watch", "batch", "jobs", "watch"),
    ("patch", "batch", "jobs", "pause, resume"),
    ("delete", "batch", "jobs", "cancel, retry"),
    ("list", "", "pods", "status"),
    ("watch", "", "pods", "watch"),
    ("get", "", "pods/log", "logs"),
)
OF_NODES = (("create", "", "services", "runs on several nodes"),)
OF_QUEUE = (
    ("list", "kueue.x-k8s.io", "workloads", "status in a queue"),
    ("watch", "kueue.x-k8s.io", "workloads", "watch in a queue"),
    ("patch", "kueue.x-k8s.io", "workloads", "pause in a queue"),
)


class Check(NamedTuple):
    """What was looked at, how it is, and what mends it."""

    name: str
    state: str
    said: str
    mend: str = ""


def packages() -> Check:
    """What `htctl run` needs here; a batch on a cluster needs none of it."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        return Check("packages", NOTE, f"no {', '.join(missing)} here: htctl run cannot train", "'htctl[pipeline]'")
    return Check("packages", OK, "the pipeline is installed here")


def rights(cluster: Cluster, batch: Batch | None) -> Check:
    """Every verb that the commands use, asked one by one."""
    groups = batch.groups if batch else ()
    wanted = list(WANTED)
    wanted += OF_NODES if any(group.settings.resources.nodes > 1 for group in groups) else ()
    wanted += OF_QUEUE if any(group.kubernetes.queue for group in groups) else ()
    missing = [
        f"{verb} {resource} ({use})" for verb, group, resource, use in wanted if not cluster.may(verb, group, resource)
    ]
    if missing:
        mend = f"ask for a Role with these rights in namespace {cluster.namespace}"
        return Check("permissions", BAD, f"not allowed: {', '.join(missing)}", mend)
    return Check("permissions", OK, f"all {len(wanted)} that the commands use, in namespace {cluster.namespace}")


def job(cluster: Cluster, manifest: Manifest) -> Check:
    """A Job as it would be sent, which the cluster checks without keeping it: namespace, policies, every field."""
    try:
        cluster.create(manifest, dry_run=True)
    except AlreadyThereError:
        pass
    except NotThereError as error:
        return Check("job", BAD, str(error), f"kubectl create namespace {cluster.namespace}")
    except ClusterError as error:
        return Check("job", BAD, str(error), "change what it names under kubernetes in the batch file")
    return Check("job", OK, f"the cluster would take {manifest['metadata']['name']}")


def queues(cluster: Cluster, names: Iterable[str]) -> Iterator[Check]:
    """Kueue's LocalQueues."""
    for name in sorted(set(names) - {""}):
        try:
            active = raw.condition(cluster.get("LocalQueue", name), "Active")
        except NotThereError:
            mend = "write one that is there under kubernetes.queue: kubectl get localqueues"
            yield Check("queue", BAD, f"no LocalQueue {name} in {cluster.namespace}, or no Kueue", mend)
        except ForbiddenError as error:
            yield Check("queue", NOTE, f"{name} may not be looked at: {error}")
        else:
            if active.get("status") == "False":
                yield Check("queue", BAD, f"{name}: {active.get('message')}", "mend its ClusterQueue")
            else:
                yield Check("queue", OK, f"LocalQueue {name}")


def secrets(names: Iterable[str]) -> Iterator[Check]:
    """Only named: to look at them would need the right to read them."""
    if found := sorted(set(names)):
        yield Check("secrets", NOTE, f"{', '.join(found)}: named, not looked at; --probe finds out whether it is there")


def tracker(batch: Batch) -> Iterator[Check]:
    """Whether a batch that W&B is to be told of as it goes names a key for its Pods; Secrets are only named."""
    online = [group for group in batch.groups if group.settings.tracker.mode == "online"]
    without = [group.bot for group in online if KEY not in group.kubernetes.env and not group.kubernetes.secrets]
    if without:
        mend = f"name a Secret with {KEY} under kubernetes.secrets (its runs are not lost: htctl track sync sends them)"
        yield Check("tracker", BAD, f"tracker.mode is online, but no {KEY} is named for {without[0]}", mend)
    elif online:
        yield Check("tracker", NOTE, f"online: the Pods need {KEY}, from kubernetes.env or one of kubernetes.secrets")


def token(batch: Batch) -> Iterator[Check]:
    """Whether a batch whose posts X is asked for names a token for its Pods."""
    of_x = [group for group in batch.groups if _asks_x(group)]
    without = [
        group.bot for group in of_x if config.X_TOKEN not in group.kubernetes.env and not group.kubernetes.secrets
    ]
    if without:
        mend = f"name a Secret with {config.X_TOKEN} under kubernetes.secrets, or fetch them from here: htctl scrape"
        yield Check("x", BAD, f"posts are asked of X, but no {config.X_TOKEN} is named for {without[0]}", mend)
    elif of_x:
        yield Check("x", NOTE, f"the Pods need {config.X_TOKEN} for what the store has not (htctl scrape fetches it)")


def _asks_x(group: Group) -> bool:
    return any(group.source_of(handle) == "x" and handle.lower() not in group.posts for handle in group.handles)


def store(opened: Store) -> Check:
    """That it can be read and written from here, and honours conditions."""
    try:
        trial(opened)
    except HtctlError as error:
        return Check("store", BAD, str(error), "check its address and credentials (README: On S3)")
    return Check("store", OK, f"{opened.address} can be written, conditional writes are honoured")


def terms() -> Check:
    """What whoever trains on posts has agreed to, which no program can decide."""
    text = "X's developer agreement forbids to train foundation or frontier models on what its API gives"
    return Check("posts' terms", NOTE, f"{text}; an archive's posts are its owner's (README: Words of caution)")


def base_models(names: Iterable[str], endpoint: str) -> Iterator[Check]:
    """Folders are looked at where the batch file is read; here the hub."""
    import urllib.error  # here, since it takes long and this file is on the way of htctl --help
    import urllib.request

    for name in sorted(set(names)):
        if not basemodels.is_on_hub(name) or "://" in name:
            yield Check("base model", OK, name)
            continue
        address = f"{endpoint.rstrip('/')}/{name}/resolve/main/config.json"
        try:
            request = urllib.request.Request(address, method="HEAD")  # noqa: S310 - the hub's own address
            with urllib.request.urlopen(request, timeout=HUB_S):  # noqa: S310
                yield Check("base model", OK, f"{name} is on {endpoint}")
        except urllib.error.HTTPError as error:
            mend = "mend its name; for one that asks for consent put HF_TOKEN into a Secret"
            yield Check("base model", BAD, f"{name}: {endpoint} answers {error.code}", mend)
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            mend = "a folder in a volume needs no hub (base_model: /models/gpt2)"
            yield Check("base model", NOTE, f"{name}: {endpoint} is not reached from here ({reason})", mend)


def as_json(found: Sequence[Check]) -> list[Mapping[str, Any]]:
    """For programs."""
    return [each._asdict() for each in found]
