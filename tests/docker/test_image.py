"""The image that `make image` has left in dist: its size, its layers, its list, nothing secret; and that it runs."""

import gzip
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FILE = ROOT / "dist" / "htctl-image.tar"
LARGEST = {"cpu": 1.4e9, "cuda": 5.5e9}  # bytes unpacked, without fonts
CODE = 4  # layers on top
# Each starts what a run's stages start.
IMPORTS = (
    "import torch, transformers, deepspeed, tokenizers, wandb, tweepy, atproto_client, mastodon, matplotlib, icu4py"
)
IMPORTS += "; import boto3; boto3.client('s3', region_name='x'); boto3.client('sts', region_name='x')"


def read(name: str) -> Any:
    """A JSON file of the image."""
    with tarfile.open(FILE) as archive:
        return json.load(archive.extractfile(name))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def config() -> Any:
    if not FILE.exists():
        pytest.skip("there is no dist/htctl-image.tar: make image")
    return read(read("manifest.json")[0]["Config"])


@pytest.fixture(scope="module")
def layers(config: Any) -> list[tuple[str, tarfile.TarInfo]]:
    """What made each layer, and where in the file it is."""
    made = [step["created_by"] for step in config["history"] if not step.get("empty_layer")]
    with tarfile.open(FILE) as archive:
        found = []
        for name in read("manifest.json")[0]["Layers"]:
            member = archive.getmember(name)
            if member.issym():
                member = archive.getmember((Path(name).parent / member.linkname).as_posix())
            found.append(member)
    return list(zip(made, found, strict=True))


def test_it_is_small(layers: list[tuple[str, tarfile.TarInfo]]) -> None:
    device = "cpu" if any("DEVICE=cpu" in made for made, _ in layers) else "cuda"
    assert sum(layer.size for _, layer in layers) <= LARGEST[device]


def test_a_change_of_the_code_pushes_less_than_a_megabyte(layers: list[tuple[str, tarfile.TarInfo]]) -> None:
    assert all("COPY" in made for made, _ in layers[-CODE:])
    with tarfile.open(FILE) as archive:
        packed = [gzip.compress(archive.extractfile(layer).read(), 6) for _, layer in layers[-CODE:]]  # type: ignore[union-attr]
    assert sum(map(len, packed)) < 1e6


def test_it_runs_as_a_number_under_tini(config: Any) -> None:
    assert config["config"]["User"] == "10001:10001"
    assert config["config"]["Entrypoint"] == ["/usr/bin/tini", "-g", "--"]
    assert config["config"]["Labels"]["org.opencontainers.image.version"]


def test_history_has_nothing_secret(config: Any) -> None:
    """What the machine that built it has set for pip is in no step and no variable."""
    said = json.dumps(config)
    secrets = [os.environ.get(name) for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT")]
    assert [value for value in secrets if value and value in said] == []
    assert "BEGIN CERTIFICATE" not in said


def test_the_list_beside_it_has_what_is_pinned(config: Any) -> None:
    listed = json.loads(FILE.with_suffix("").with_suffix(".cdx.json").read_text())["components"]
    found = {component["purl"].split("?")[0] for component in listed if "purl" in component}
    pins = (ROOT / "requirements" / "pipeline.txt").read_text().splitlines()
    pins = [line.split(" ")[0] for line in pins if "==" in line and ";" not in line]
    assert len(pins) > 80
    assert {f"pkg:pypi/{pin.replace('==', '@')}" for pin in pins} - found == set()
    assert any(purl.startswith("pkg:deb/debian/tini@") for purl in found)
    assert any(purl.startswith("pkg:pypi/torch@") for purl in found)


@pytest.mark.slow
def test_any_user_of_group_0_can_run_it_with_a_read_only_root(config: Any) -> None:
    version = config["config"]["Labels"]["org.opencontainers.image.version"]
    image = os.environ.get("HTCTL_IMAGE", f"htctl:{version}")
    if shutil.which("buildah") is None or os.geteuid() != 0:
        pytest.skip("needs buildah and root")
    if subprocess.run(["buildah", "inspect", "--type", "image", image], capture_output=True).returncode:
        pytest.skip(f"buildah has no {image}")
    code = f"{IMPORTS}; import os; print(os.getuid(), os.getgid()); open('/tmp/x', 'w'); open('/opt/x', 'w')"
    ran = subprocess.run(
        [ROOT / "bench/image/inside", image, "python", "-P", "-c", code], capture_output=True, text=True, timeout=600
    )
    assert ran.stdout.splitlines()[-1] == "123456 0", ran.stderr
    assert "Read-only file system: '/opt/x'" in ran.stderr
