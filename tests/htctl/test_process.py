from typing import Any

import pytest

from htctl import process
from pipeline.errors import ConfigError
from tests import factories


def test_the_pipeline_s_exit_code_comes_back() -> None:
    assert process.run_pipeline(factories.run_config(store="gs://not/a/store")) == 64


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    missing: Any = lambda name: None if name == "deepspeed" else object()  # noqa: E731
    monkeypatch.setattr(process.importlib.util, "find_spec", missing)
    with pytest.raises(
        ConfigError, match=r"deepspeed not installed; install what trains: pip install 'htctl\[pipeline\]'"
    ):
        process.generate([])
