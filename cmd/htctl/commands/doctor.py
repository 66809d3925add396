"""`htctl doctor`: finds out what is missing before a batch does."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from htctl import basebots, checks, jobs, options, output, quotas, selection, submission
from htctl.batch import Batch
from htctl.checks import BAD, NOTE, OK, Check
from k8s import cluster as clusters
from k8s import probe as probing
from k8s.cluster import Cluster
from k8s.errors import ClusterError
from k8s.manifests import Manifest
from pipeline.errors import ConfigError, HtctlError
from pipeline.store import open_store

PATIENCE_S = 15.0
HUB = "https://huggingface.co"
SIGNS = {OK: "ok  ", BAD: "BAD ", NOTE: "note"}


def doctor(
    file: options.FileOption = None,
    probe: Annotated[bool, typer.Option("--probe", help="Run one Pod like the batch's: it tries the store.")] = False,
    deadline: Annotated[str, typer.Option("--probe-deadline", help="How long that Pod may take.")] = "5m",
    store: options.StoreOption = "",
    namespace: options.NamespaceOption = "",
    context: options.ContextOption = "",
    format_: options.OutputOption = "",
) -> int:
    """Check all that a batch needs, and say what mends what is wrong; exit code 1 where something is.

    The probe asks for what one run of the batch asks for, and is deleted when its fate is clear.
    """
    as_json, seconds = options.wants_json(format_), options.seconds(deadline, "--probe-deadline")
    if probe and not file:
        raise ConfigError("say like which batch's the Pod is to be: htctl doctor -f bots.yaml --probe")
    found: list[Check] = []
    for check in _all(file, store, namespace, context, seconds if probe else 0):
        found.append(check)
        if not as_json:
            mend = f"\n     -> {check.mend}" if check.mend else ""
            output.line(f"{SIGNS[check.state]} {check.name}: {check.said}{mend}")
    if as_json:
        output.data(checks.as_json(found))
    return int(any(check.state == BAD for check in found))


def _all(file: Path | None, store: str, namespace: str, context: str, seconds: float) -> Iterator[Check]:
    """Check after check, each as soon as it is known."""
    batch, wanted = None, list[Manifest]()
    yield checks.packages()
    if file:
        try:
            batch = selection.load(file, {}, [], "")
            yield Check("batch file", OK, f"{len(batch.groups):,} groups in batch {batch.name}")
        except ConfigError as error:
            yield Check("batch file", BAD, str(error), f"mend {file}")
    opened = open_store(options.store_address(store, batch.store if batch else ""))
    yield checks.store(opened)
    if batch:
        yield from checks.tracker(batch)
        yield from checks.token(batch)
        yield checks.terms()
        yield from checks.base_models(
            (group.settings.base_model for group in batch.groups), os.environ.get("HF_ENDPOINT", HUB)
        )
        try:
            wanted = submission.only_jobs(jobs.objects(basebots.pinned(batch, opened), opened.address))
        except HtctlError as error:
            yield Check("reach", BAD, str(error), f"change it in {file}")
    yield from _of_cluster(batch, wanted, namespace, context, seconds)


def _of_cluster(
    batch: Batch | None, wanted: list[Manifest], namespace: str, context: str, seconds: float
) -> Iterator[Check]:
    kubernetes = [group.kubernetes for group in batch.groups] if batch else []
    try:
        cluster = clusters.connect(namespace or next((each.namespace for each in kubernetes), ""), context, PATIENCE_S)
        permissions = checks.rights(cluster, batch)
    except (ConfigError, ClusterError) as error:
        yield Check("cluster", BAD, str(error), "kubectl config get-contexts lists them; KUBECONFIG names another file")
        return
    yield Check("cluster", OK, f"it answers; namespace {cluster.namespace}")
    yield permissions
    yield from checks.queues(cluster, (each.queue for each in kubernetes))
    yield from checks.secrets(name for each in kubernetes for name in (*each.secrets, *each.pull_secrets))
    yield from quotas.check(cluster, wanted)
    if wanted:
        of_job = checks.job(cluster, _here(wanted[0], cluster))
        yield of_job
        if seconds and of_job.state == OK:
            yield _probe(cluster, _here(wanted[0], cluster), seconds)


def _here(job: Manifest, cluster: Cluster) -> Manifest:
    """A Job in the namespace that the command line names."""
    return {**job, "metadata": {**job["metadata"], "namespace": cluster.namespace}}


def _probe(cluster: Cluster, job: Manifest, seconds: float) -> Check:
    try:
        fate = probing.run(cluster, job, seconds, output.note)
    except ClusterError as error:
        return Check("probe", BAD, str(error))
    if fate.well:
        return Check("probe", OK, fate.said)
    return Check("probe", BAD, fate.said, "mend what it names under kubernetes or resources in the batch file")
