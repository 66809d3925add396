"""What many tests need: a store in a folder, and one small finished run that they can all read."""

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from htctl import postsfiles
from pipeline.config import ENVIRONMENT, RunConfig
from pipeline.identity import bot_id, run_id
from pipeline.layout import RunKeys
from pipeline.store import open_store
from pipeline.store.folder import FolderStore
from tests import factories, s3server, warm

LONG = bool(os.environ.get("HTCTL_LONG"))
examples = 100 if LONG else 25
settings.register_profile("htctl", max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("htctl")  # a slow machine is no fault

SHARED = Path(os.environ.get("HTCTL_SHARED", Path(__file__).parents[2] / "shared"))


def pytest_configure(config: pytest.Config) -> None:
    """Tests send Ctrl-C: what starts in the background, this suite too, has it ignored, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):
        warm.follow(config.workerinput["server"])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Three for two CPUs: a third of the time tests wait for a server, a lease or a signal."""
    return len(os.sched_getaffinity(0)) * 3 // 2


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """All of pytest-xdist's workers have their processes from one server."""
    node.workerinput["server"] = warm.serve()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is there once all tests are known stays, so Python need not look through it for garbage again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the finished run, a training, is slow too; what is long waits until it is asked for."""
    for item in items:
        if "finished" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("long") and not LONG:
            item.add_marker(pytest.mark.skip(reason="takes long: HTCTL_LONG=1 has it run"))


@pytest.fixture(scope="session", autouse=True)
def _warm() -> Iterator[None]:
    """The pipeline's processes start from a server that has loaded the libraries; it is there once one is asked for."""
    with warm.started_by(warm.Popen):
        yield


@pytest.fixture(autouse=True)
def _cold(request: pytest.FixtureRequest) -> Iterator[None]:
    with warm.started_by(warm.PLAIN) if request.node.get_closest_marker("cold") else nullcontext():
        yield


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore((tmp_path / "store").resolve())


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real posts beside the checkout; a test that needs it is skipped elsewhere."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"{SHARED}/data is not there (set HTCTL_SHARED to run this)")
    return SHARED


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3server.Server]:
    """A real S3 server for the whole session."""
    with s3server.running(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def s3(s3_server: s3server.Server, monkeypatch: pytest.MonkeyPatch) -> s3server.Server:
    """The server, and its credentials in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3server.KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3server.SECRET)
    return s3_server


PASSED_ON = ("HOME", "PYTHONPATH", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


class Finished(NamedTuple):
    """A run of all stages as `python -m pipeline` made it."""

    config: RunConfig
    store: Any
    keys: RunKeys
    process: "subprocess.CompletedProcess[str]"

    @property
    def model(self) -> Path:
        return Path(self.store.address) / self.keys.model("")


def run_pipeline(config: RunConfig, **environment: str) -> "subprocess.CompletedProcess[str]":
    """`python -m pipeline` as the command line and the container start it, with neither compiler nor network."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "pipeline"],
        env={
            "PATH": "",
            **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
            "HF_HUB_OFFLINE": "1",
            **environment,
            ENVIRONMENT: config.to_json(),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def make_run(folder: Path, texts: dict[str, list[str]], settings: dict[str, Any], address: str = "") -> Finished:
    """Posts by handle into a store (under `folder`, unless an address is given), and a run over them."""
    opened = open_store(address or str(folder / "store"))
    files = {
        handle.lower(): postsfiles.keep(opened, factories.write_posts(folder / f"{handle}.jsonl", posts))
        for handle, posts in texts.items()
    }
    config = factories.run_config(store=opened.address, handles=list(texts), posts=files, **settings)
    process = run_pipeline(config)
    return Finished(config, opened, RunKeys(bot_id("jsonl", texts), run_id(config)), process)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """One bot of two handles, made once for all tests; they must not write into its store."""
    texts = {"Alice": factories.sentences(240), "bob": factories.sentences(60, "my dear ")}
    run = make_run(tmp_path_factory.mktemp("finished"), texts, factories.small_settings())
    assert run.process.returncode == 0, run.process.stderr
    return run
