from pathlib import Path
from typing import Any

import pytest

from htctl import process
from pipeline.errors import ConfigError
from tests import factories

pytestmark = pytest.mark.cold


def test_the_pipeline_s_exit_code_comes_back() -> None:
    assert process.run_pipeline(factories.run_config(store="gs://not/a/store")) == 64


def test_a_killed_pipeline_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(process, "NEEDED", ())
    assert process._python(["-c", "import os; os.kill(os.getpid(), 9)"], {}) == 137
    assert capsys.readouterr().err == "error: the pipeline was ended by SIGKILL (out of memory?)\n"


def test_the_installed_pipeline_runs_whatever_lies_where_the_person_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "__main__.py").write_text("raise SystemExit(42)")
    monkeypatch.chdir(tmp_path)
    assert process.run_pipeline(factories.run_config(store="gs://not/a/store")) == 64


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    missing: Any = lambda name: None if name == "deepspeed" else object()  # noqa: E731
    monkeypatch.setattr(process.importlib.util, "find_spec", missing)
    with pytest.raises(
        ConfigError, match=r"deepspeed not installed; install what trains: pip install 'htctl\[pipeline\]'"
    ):
        process.generate([])
