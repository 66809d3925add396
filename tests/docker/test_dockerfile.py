"""What the image is made of, read in the Dockerfile: pinned, for any user, nothing secret, layers by rate of change."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMMENT = re.compile(r"^#.*\n", re.M)
# One string for each instruction, its lines joined, without comments.
STEPS = re.sub(r"\s*\\\n\s*", " ", COMMENT.sub("", DOCKERFILE)).splitlines()
RUNTIME = STEPS[next(i for i, step in enumerate(STEPS) if step.endswith(" AS runtime")) :]


def test_pip_takes_nothing_without_its_hash_but_what_was_made_here() -> None:
    installs = re.findall(r"pip (?:--python \S+ )?(?:install|wheel) [^&]*", "\n".join(STEPS))
    assert len(installs) == 7
    for install in installs:
        assert "--no-deps" in install
        assert ("--require-hashes" in install) != ("--no-index" in install), install


def test_every_lock_has_hashes_for_every_pin() -> None:
    for name in ("image", "pipeline", "torch-cpu", "torch-cuda"):
        pin = None
        for line in (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines():
            if not line.startswith((" ", "#")):
                assert re.match(r"\S+==\S+", line) and line.endswith("\\"), f"{name}: {line}"
                pin = line
            assert pin is None or line == pin or line.strip().startswith("--hash=sha256:"), f"{name}: {line}"


def test_both_devices_have_the_torch_that_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (pin,) = (pin for pin in project["optional-dependencies"]["pipeline"] if pin.startswith("torch=="))
    for device, build in (("cuda", ""), ("cpu", "+cpu")):
        lock = (ROOT / f"requirements/torch-{device}.txt").read_text(encoding="utf-8")
        assert f"{pin}{build} \\" in lock.splitlines()


def test_what_builds_the_image_is_what_the_project_names() -> None:
    builder = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    lock = (ROOT / "requirements/image.txt").read_text(encoding="utf-8")
    assert all(f"{pin} \\" in lock for pin in builder)


def test_steps_stand_in_the_order_in_which_they_change() -> None:
    marks = ["tini=", "/torch.txt", "wheels.txt", "apt-get install --yes --no-install-recommends ${FONTS}", "syft scan"]
    marks += ["COPY ${BASE_MODELS}", "/rooms/k8s", "/rooms/htctl", "/rooms/pipeline", "COPY --from=build /opt/venv"]
    found = [max(i for i, step in enumerate(RUNTIME) if mark in step) for mark in marks]
    assert found == sorted(found)


def test_any_user_may_write_under_tmp_and_nowhere_else() -> None:
    (variables,) = (step for step in RUNTIME if step.startswith("ENV "))
    paths = dict(re.findall(r"(\w+)=(/\S*)", variables))
    assert {name for name, path in paths.items() if not path.startswith("/tmp")} == {"PATH"}
    caches = {
        "HF_HOME",
        "XDG_CACHE_HOME",
        "MPLCONFIGDIR",
        "TORCH_EXTENSIONS_DIR",
        "TRITON_CACHE_DIR",
        "WANDB_CACHE_DIR",
    }
    assert caches | {"HOME"} <= set(paths)
    (user,) = (step for step in RUNTIME if step.startswith("USER "))
    number = re.fullmatch(r"USER (\d+):(\d+)", user)
    assert number and min(int(number[1]), int(number[2])) >= 10_000  # below may be one of the node's


def test_tini_signals_the_whole_group() -> None:
    assert 'ENTRYPOINT ["/usr/bin/tini", "-g", "--"]' in RUNTIME


def test_nothing_secret_can_stay_in_history() -> None:
    """Arguments and variables are kept in it; secrets are files that are mounted while a step runs."""
    names = [step.split()[1].partition("=")[0] for step in STEPS if step.startswith(("ARG ", "ENV "))]
    assert names
    assert not [name for name in names if re.search("TOKEN|KEY|SECRET|PASS|CERT|INDEX|PIP", name)]
    build = (ROOT / "docker" / "build").read_text(encoding="utf-8")
    arguments = re.findall(r'--build-arg "(\w+)=', build)
    assert set(arguments) == {"PYTHON_IMAGE", "DEVICE", "FONTS"}


def test_only_what_is_named_goes_into_the_build() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    copies = [step.split()[1:-1] for step in STEPS if step.startswith("COPY ") and "--from" not in step]
    copied = {path for words in copies for path in words}
    copied = {path.replace("${DEVICE}", "*").replace("${BASE_MODELS}/", "docker/models") for path in copied}
    assert copied | {"docker/wheels"} == {line[1:] for line in lines if line.startswith("!")}


def test_labels_say_what_it_is() -> None:
    labels = set(re.findall(r"org\.opencontainers\.image\.([\w.]+)=", DOCKERFILE + (ROOT / "docker/build").read_text()))
    assert labels == {"title", "description", "licenses", "version", "revision", "source", "base.name", "base.digest"}
