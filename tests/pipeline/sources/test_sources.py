import importlib
import subprocess
import sys

import pytest

from pipeline import handles, sources


@pytest.mark.parametrize("name", sources.NETWORK)
def test_every_source_of_the_table_is_known_and_opens_without_asking(name: str) -> None:
    assert name in handles.SOURCES
    assert name not in handles.FILES
    assert name in handles.HANDLES
    assert sources.opened(name, print).name == name


def test_a_source_is_imported_when_it_is_asked_for() -> None:
    code = "import sys, pipeline.sources, pipeline.fetching; sys.exit('tweepy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_environment_is_read_when_a_source_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTCTL_X_API", "http://127.0.0.1:1")
    assert importlib.import_module("pipeline.sources.x").opened({}, print)._api == ""
    assert sources.opened("x", print)._api == "http://127.0.0.1:1"  # type: ignore[attr-defined]
