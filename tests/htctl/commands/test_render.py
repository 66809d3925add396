import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from htctl import batchfile, jobs
from tests.htctl.runner import Ran, htctl

TEXT = """\
store: s3://bots/prefix
defaults: {posts: '{handle}.jsonl', base_model: tiny, kubernetes: {image: htctl, queue: slow}}
groups:
- alice
- handles: [bob]
  kubernetes: {queue: fast}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HTCTL_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    for handle in ("alice", "bob"):
        (tmp_path / f"{handle}.jsonl").write_text(f'{{"text": "{handle}"}}\n')
    (tmp_path / "bots.yaml").write_text(TEXT)
    return tmp_path


def render(*arguments: str) -> Ran:
    return htctl("render", "-f", "bots.yaml", *arguments)


def documents(*arguments: str) -> list[Any]:
    ran = render(*arguments)
    assert (ran.code, ran.err) == (0, "")
    return list(yaml.safe_load_all(ran.out))


def queues(found: list[Any]) -> list[str]:
    return [item["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] for item in found]


def test_every_group_is_a_document_and_nothing_is_written(folder: Path) -> None:
    before = sorted(folder.iterdir())
    assert queues(documents()) == ["slow", "fast"]
    assert sorted(folder.iterdir()) == before


def test_yaml_and_json_are_the_objects_that_are_sent(folder: Path) -> None:
    sent = jobs.objects(batchfile.load(Path("bots.yaml"), {}), "s3://bots/prefix")
    assert documents() == sent
    assert json.loads(render("-o", "json").out) == {"apiVersion": "v1", "kind": "List", "items": sent}


def test_some_groups_another_name_store_and_setting(folder: Path) -> None:
    (found,) = documents("bob", "--batch=nightly", "--store=s3://other", "--set=kubernetes.queue=mine")
    run = json.loads(found["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"])
    assert (run["batch"], run["store"], queues([found])) == ("nightly", "s3://other", ["mine"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--store=kept"], "is a folder of this machine; give s3://BUCKET/PREFIX (--store), or mount a volume there"),
        (["--store=http://x"], "must be a folder or s3://BUCKET/PREFIX"),
        (["-o", "text"], "-o text: must be json"),
        (["--set=kubernetes.imgae=x"], "--set kubernetes.imgae: unknown key; did you mean 'image'?"),
        (["carol"], "carol is no group of the batch file"),
    ],
)
def test_wrong_usage_is_2_with_what_to_do(folder: Path, arguments: list[str], says: str) -> None:
    ran = render(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err


def test_a_batch_file_is_needed() -> None:
    assert htctl("render").code == 2


def test_what_is_laid_over_is_refused_with_file_line_and_path(folder: Path) -> None:
    (folder / "bots.yaml").write_text(
        TEXT + "  # more\n- handles: [alice, bob]\n  kubernetes:\n    pod:\n      restartPolicy: Always\n"
    )
    ran = render()
    assert ran.code == 2
    assert ran.err.startswith("error: bots.yaml:11: groups[2].kubernetes.pod.restartPolicy: cannot be changed here")
