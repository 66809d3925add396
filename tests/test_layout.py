"""The rooms stay as they are: `cmd` is the standard library's, the command line loads nothing heavy."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from htctl import app

ROOT = Path(__file__).parents[1]
HEAVY = (
    "torch",
    "transformers",
    "wandb",
    "boto3",
    "kubernetes",
    "numpy",
    "rich",
    "yaml",
    "deepspeed",
    "tweepy",
    "atproto_client",
    "mastodon",
    "jinja2",
)


def loaded_by(*arguments: str) -> set[str]:
    """The top-level packages that `htctl ARGUMENTS` has imported when it ends."""
    code = (
        "import sys\n"
        "from htctl.app import main\n"
        f"sys.argv = ['htctl', *{list(arguments)!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write(' '.join({name.partition('.')[0] for name in sys.modules}))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(result.stderr.split())


def test_cmd_is_the_standard_library_s_even_from_the_root() -> None:
    code = "import cmd, pdb; print(cmd.__file__); cmd.Cmd"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert Path(result.stdout.strip()).name == "cmd.py"
    assert not (ROOT / "cmd" / "__init__.py").exists()


def test_help_loads_nothing_heavy() -> None:
    loaded = loaded_by("--help")
    assert "typer" in loaded
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("command", list(app.COMMANDS))
def test_every_command_s_help_loads_nothing_heavy(command: str) -> None:
    assert not loaded_by(command, "--help") & set(HEAVY)


def test_bots_needs_no_training_packages(tmp_path: Path) -> None:
    assert not loaded_by("bots", "--store", str(tmp_path)) & {"torch", "transformers", "numpy", "kubernetes"}


def test_the_lock_files_hold_what_the_project_asks_for() -> None:
    """Every pin of pyproject.toml, torch apart, which the Makefile installs by itself; each with its hashes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = {"pipeline": [*project["dependencies"], *extras["pipeline"]], "dev": extras["dev"]}
    for name, wanted in asked.items():
        lines = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        locked = {line.split(" ")[0].lower() for line in lines if "==" in line}
        assert {as_locked(pin) for pin in wanted} - locked <= {"torch==2.13.0"}
        assert sum("--hash=sha256:" in line for line in lines) > len(locked)


def as_locked(pin: str) -> str:
    """`Mastodon.py==2.3.3` as lock files spell it."""
    name, _, version = pin.partition("==")
    return f"{re.sub('[-_.]+', '-', name).lower()}=={version}"


def test_every_source_file_says_what_it_owns() -> None:
    files = [path for room in ("cmd", "pipeline", "k8s") for path in (ROOT / room).rglob("*.py")]
    assert len(files) > 30
    assert [path for path in files if not path.read_text(encoding="utf-8").startswith('"""')] == []


def test_every_source_file_has_its_test() -> None:
    """`cmd/htctl/x.py` -> `tests/htctl/test_x.py`, `pipeline/x.py` -> `tests/pipeline/test_x.py`."""
    missing = []
    for room in ("cmd/htctl", "pipeline", "k8s"):
        for path in (ROOT / room).rglob("*.py"):
            mirrored = ROOT / "tests" / Path(room).name / path.relative_to(ROOT / room)
            names = {"__init__.py": mirrored.parent / f"test_{mirrored.parent.name}.py"}
            test = names.get(path.name, mirrored.with_name(f"test_{path.stem.strip('_')}.py"))
            if not test.exists() and path.name != "__init__.py":
                missing.append(test.relative_to(ROOT).as_posix())
    assert missing == []
