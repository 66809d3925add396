"""A run as the objects that Kubernetes is sent: pure functions, so that `render` and `submit` share every byte."""

from collections.abc import Hashable, Iterable, Iterator

from k8s import names, podjob
from k8s.podjob import GIVE_UP as GIVE_UP
from k8s.podjob import TRY_AGAIN as TRY_AGAIN
from k8s.podjob import Frame, Shape, Work, metadata, variable
from k8s.podjob import Manifest as Manifest
from k8s.settings import Kubernetes
from pipeline import nodes
from pipeline.basemodels import TINY
from pipeline.config import ENVIRONMENT, RunConfig
from pipeline.identity import bot_of

GPU = "nvidia.com/gpu"
RENDEZVOUS_PORT = "29500"
INDEX = "metadata.annotations['batch.kubernetes.io/job-completion-index']"


def objects(runs: Iterable[tuple[RunConfig, Kubernetes]]) -> Iterator[Manifest]:
    """All that the runs need, in the order in which it is sent; the Service that nodes share comes once."""
    shared = False
    frames: dict[object, Frame] = {}
    for config, settings in runs:
        if config.resources.nodes > 1 and not shared:
            shared = True
            yield service(settings.namespace)
        alike = (id(settings), _shape_of(config))
        frame = frames.get(alike) or frames.setdefault(alike, _frame(config, settings))
        yield _job(config, frame)


def service(namespace: str) -> Manifest:
    """The headless Service by which nodes of a run find each other, before they are ready too.

    Unlike a Job it does not say who manages it, so that a release of the chart can take it over.
    """
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(names.SERVICE, namespace, names.APPLICATION, {}),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {f"{names.DOMAIN}/service": names.SERVICE},
        },
    }


def job(config: RunConfig, settings: Kubernetes) -> Manifest:
    """The Job of a run, with what the batch file lays over it."""
    return _job(config, _frame(config, settings))


def _job(config: RunConfig, frame: Frame) -> Manifest:
    bot = bot_of(config)
    name, labels, notes = names.job_name(config.batch, bot), names.labels(config, bot), names.annotations(config, bot)
    return podjob.job(Work(name, labels, notes, (ENVIRONMENT, config.to_json())), frame)


def _frame(config: RunConfig, settings: Kubernetes) -> Frame:
    return Frame(Shape(_resources(config), config.resources.nodes, _environment(config)), settings)


def _shape_of(config: RunConfig) -> Hashable:
    """What a run's frame is made of, its settings apart: nodes of a run know each other by its Job's name."""
    name = names.job_name(config.batch, bot_of(config)) if config.resources.nodes > 1 else ""
    return config.resources, config.base_model == TINY, name


def _environment(config: RunConfig) -> list[Manifest]:
    """What torch reads: its threads and, of several nodes, where they meet."""
    wanted = config.resources
    found: list[Manifest] = []
    if config.base_model != TINY:  # which shares no step: the pipeline gives it one thread
        found = [variable("OMP_NUM_THREADS", str(max(1, wanted.cpu // wanted.ranks)))]
    if wanted.nodes > 1:
        name = names.job_name(config.batch, bot_of(config))
        index = {"fieldRef": {"fieldPath": INDEX}}
        address, each = f"{name}-0.{names.SERVICE}", str(wanted.ranks)
        rendezvous: tuple[str | Manifest, ...] = (address, RENDEZVOUS_PORT, str(wanted.nodes), index, each)
        found += [variable(key, value) for key, value in zip(nodes.VARIABLES, rendezvous, strict=True)]
    return found


def _resources(config: RunConfig) -> Manifest:
    """Memory and GPUs as hard limits; CPUs without one, so that a node's idle ones are used."""
    wanted = config.resources
    gpus = {GPU: str(wanted.gpus)} if wanted.gpus else {}
    return {
        "requests": {"cpu": str(wanted.cpu), "memory": wanted.memory, **gpus},
        "limits": {"memory": wanted.memory, **gpus},
    }
