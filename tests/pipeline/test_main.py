"""The container's contract, kept by real processes."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import accounts
from pipeline.identity import run_id
from pipeline.layout import RunKeys
from pipeline.order import Order
from pipeline.posts import read_lines
from pipeline.store import open_store
from tests import factories, mounts, s3server, xserver
from tests.conftest import Finished, make_run, run_pipeline

pytestmark = pytest.mark.slow


def test_a_bot_of_two_handles_from_posts_to_pointer(finished: Finished) -> None:
    pointer = json.loads(finished.store.read("bots/alice-bob/latest.json").data)
    assert pointer["run"] == finished.keys.run
    assert pointer["handles"] == ["Alice", "bob"]
    lines = finished.process.stderr.splitlines()
    assert lines[0] == f"alice-bob: run {finished.keys.run}"
    assert lines[-1] == "alice-bob: published"
    assert finished.process.stdout == ""


def test_nothing_but_our_own_lines_is_printed(finished: Finished) -> None:
    first = {line.split(":")[0] for line in finished.process.stderr.splitlines()}
    assert first == {"alice-bob", "scrape", "clean", "warning", "dataset", "train", "generate"}


def test_the_process_ends_without_interpreter_shutdown(finished: Finished) -> None:
    """One of gloo's threads can abort that shutdown, and a finished run would look failed."""
    code = (
        "import atexit, runpy, sys; sys.argv = ['pipeline']\n"
        "atexit.register(print, 'interpreter shutdown ran')\n"
        "runpy.run_module('pipeline', run_name='__main__', alter_sys=True)"
    )
    environment = {**os.environ, "HTCTL_RUN": finished.config.to_json()}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


def test_a_fault_is_shown_whole_and_is_in_the_log(finished: Finished, tmp_path: Path) -> None:
    run = make_run(tmp_path, {"alice": factories.sentences(60)}, factories.small_settings())
    assert run.process.returncode == 0
    config = dataclasses.replace(run.config, batch="again", train=dataclasses.replace(run.config.train, seed=1))
    code = (
        "import runpy, sys; sys.argv = ['pipeline']\n"
        "from pipeline.text import cleaning\n"
        "cleaning.rules = lambda config: 1 / 0\n"
        "runpy.run_module('pipeline', run_name='__main__', alter_sys=True)"
    )
    environment = {**os.environ, "HTCTL_RUN": config.to_json()}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "ZeroDivisionError" in result.stderr
    log = run.store.read(RunKeys("alice", run_id(config)).log)
    assert "ZeroDivisionError" in log.data.decode()


def test_the_log_is_in_the_store(finished: Finished) -> None:
    log = finished.store.read(finished.keys.log).data.decode()
    assert "clean: @Alice: 240 posts - 0 retweets - 0 short = 240 kept" in log
    assert "alice-bob: published" in log


def test_held_out_loss_fell_and_is_what_the_saved_bot_scores(finished: Finished) -> None:
    """Measured once more by this test from the saved folder alone, with the definition's words."""
    import torch
    from torch.nn import functional
    from transformers import AutoModelForCausalLM, AutoTokenizer

    result = json.loads(finished.store.read(finished.keys.stage("train")).data)["result"]
    assert result["after"]["bits_per_byte"] < 0.9 * result["before"]["bits_per_byte"]
    path = Path(finished.store.address) / finished.keys.dataset("heldout.jsonl.gz")
    texts = [record["text"] for record in read_lines(path)]
    tokenizer = AutoTokenizer.from_pretrained(finished.model)
    model = AutoModelForCausalLM.from_pretrained(finished.model).eval()
    nats = 0.0
    for text in texts:
        ids = torch.tensor([[*tokenizer(text).input_ids, tokenizer.eos_token_id]])
        with torch.no_grad():
            nats += float(functional.cross_entropy(model(ids[:, :-1]).logits[0], ids[0, 1:], reduction="sum"))
    size = sum(len(text.encode()) for text in texts)
    assert result["after"]["bits_per_byte"] == pytest.approx(nats / 0.6931471805599453 / size, rel=1e-4)


def test_the_saved_model_loads_without_a_word(finished: Finished) -> None:
    code = (
        "import sys, warnings; warnings.simplefilter('error')\n"
        "import transformers; transformers.logging.disable_progress_bar()\n"
        "transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1])\n"
        "bot = transformers.pipeline('text-generation', model=sys.argv[1])\n"
        "assert len(bot('the kettle', num_return_sequences=2)) == 2\n"
    )
    command = [sys.executable, "-W", "default", "-c", code, str(finished.model)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_tied_weights_are_written_once(finished: Finished) -> None:
    from safetensors import safe_open

    with safe_open(finished.model / "model.safetensors", "pt") as file:
        assert "transformer.wte.weight" in file.keys()  # noqa: SIM118 - not a dict
        assert "lm_head.weight" not in file.keys()  # noqa: SIM118
        assert file.metadata()["format"] == "pt"


def test_the_same_command_again_does_nothing(finished: Finished) -> None:
    before = (finished.model / "model.safetensors").stat().st_mtime_ns
    again = run_pipeline(finished.config)
    assert again.returncode == 0
    assert again.stderr.splitlines()[-1] == "alice-bob: already published"
    assert (finished.model / "model.safetensors").stat().st_mtime_ns == before


def test_the_same_seed_makes_the_same_bot(finished: Finished, tmp_path: Path) -> None:
    texts = {"Alice": factories.sentences(240), "bob": factories.sentences(60, "my dear ")}
    again = make_run(tmp_path, texts, factories.small_settings())
    assert (again.model / "model.safetensors").read_bytes() == (finished.model / "model.safetensors").read_bytes()


def test_a_bucket_holds_the_same_bot_as_a_folder(finished: Finished, tmp_path: Path, s3: s3server.Server) -> None:
    texts = {"Alice": factories.sentences(240), "bob": factories.sentences(60, "my dear ")}
    run = make_run(tmp_path, texts, factories.small_settings(), s3.address(tmp_path.name))
    assert run.process.returncode == 0, run.process.stderr
    keys = [entry.key for entry in run.store.list("")]
    assert keys == [entry.key for entry in finished.store.list("") if entry.key in keys]
    assert len(keys) == len(list(finished.store.list("")))
    weights = run.store.local(run.keys.model("model.safetensors"), tmp_path / "scratch").read_bytes()
    assert weights == (finished.model / "model.safetensors").read_bytes()
    assert s3server.SECRET not in run.process.stderr + run.store.read(run.keys.config).data.decode()


def test_too_few_posts_is_65_with_how_many_there_are_and_are_needed(tmp_path: Path) -> None:
    settings = {**factories.small_settings(), "clean": {"min_characters": 6000}}
    run = make_run(tmp_path, {"alice": [*factories.sentences(20), "ha"]}, settings)
    assert run.process.returncode == 65
    error = run.process.stderr.splitlines()[-1]
    assert error.startswith("error: @alice: too few posts to train on: 21 posts - 0 retweets - 1 short = 20 kept")
    assert "6,000 are needed (about " in error
    assert not run.store.exists("bots/alice/latest.json")
    assert "too few posts" in run.store.read(run.keys.log).data.decode()


def test_a_bot_can_be_the_base_model_of_another(finished: Finished, tmp_path: Path) -> None:
    """A folder as base model: what a fine-tuned GPT-2 on disk is."""
    settings = {**factories.small_settings(), "base_model": str(finished.model)}
    run = make_run(tmp_path, {"carol": factories.sentences(120, "oh ")}, settings)
    assert run.process.returncode == 0, run.process.stderr
    result = json.loads(run.store.read(run.keys.stage("train")).data)["result"]
    assert result["after"]["bits_per_byte"] < result["before"]["bits_per_byte"]
    first = json.loads(finished.store.read(finished.keys.stage("train")).data)["result"]
    assert result["before"]["bits_per_byte"] < first["before"]["bits_per_byte"]  # it knows these words already
    assert "fine-tuned" in (run.model / "README.md").read_text(encoding="utf-8")


STRANGE = [
    "שלום עולם, \u202bמה שלומכם היום",
    "مرحبا بالعالم من هنا اليوم",
    "three 👩‍👩‍👧 words 🇯🇵 more 🏴‍☠️",
    "many words " * 6000,
]
BROKEN = ["half \ud83d of a pair here", "nul \x00 and \x1b[31m escape here"]


@pytest.mark.parametrize("rules", ["segmented", "original"])
def test_posts_of_all_kinds_go_through_all_stages(tmp_path: Path, rules: str) -> None:
    """Right to left, emoji, 66,000 characters, half a surrogate pair, NUL: nothing breaks, texts stay as they are."""
    settings = {**factories.small_settings(epochs=1), "clean": {"min_characters": 100, "rules": rules}}
    settings["generate"]["prompt"] = BROKEN[1]
    texts = [*factories.sentences(30), *STRANGE, *BROKEN]
    run = make_run(tmp_path, {"alice": texts}, settings)
    assert run.process.returncode == 0, run.process.stderr
    kept = run.store.local(run.keys.posts("alice.kept.jsonl.gz"), tmp_path)
    found = [record["text"] for record in read_lines(kept)]
    assert len(found) == len(texts)
    assert {" ".join(text.split()) for text in STRANGE} < set(found)
    assert "half \ufffd of a pair here" in found
    for name in ("README.md", "metrics.json"):
        text = (run.model / name).read_bytes().decode()
        assert not {"\x00", "\x1b"} & set(text)


def test_a_retweeter_with_no_post_of_their_own_is_65(tmp_path: Path) -> None:
    run = make_run(tmp_path, {"alice": [f"RT @bob: {text}" for text in factories.sentences(30)]}, {})
    assert run.process.returncode == 65
    assert "30 posts - 30 retweets - 0 short = 0 kept" in run.process.stderr


def test_a_full_disk_ends_with_one_line_and_with_room_it_goes_on(finished: Finished, tmp_path: Path) -> None:
    texts = {"Alice": factories.sentences(240), "bob": factories.sentences(60, "my dear ")}
    with mounts.disk(tmp_path / "disk", "16m") as folder:
        (folder / "ballast").write_bytes(bytes(15 << 20))  # there is room for the posts, not for the weights
        run = make_run(tmp_path, texts, factories.small_settings(), str(folder / "store"))
        assert run.process.returncode == 1
        error = run.process.stderr.splitlines()[-1]
        assert error.startswith(f"error: store {folder}/store cannot be read or written: No space left on device (")
        assert not run.store.exists("bots/alice-bob/latest.json")
        assert not run.store.exists(run.keys.stage("train"))
        assert run.store.exists(run.keys.stage("dataset"))
        assert not [path for path in (folder / "store/.htctl").iterdir() if path.suffix != ".lock"]
        (folder / "ballast").unlink()
        again = run_pipeline(run.config)
        assert again.stderr.splitlines()[-1] == "alice-bob: published", again.stderr
        assert (run.model / "model.safetensors").read_bytes() == (finished.model / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda folder: (folder / "config.json").write_text("{"), "is not a valid JSON file"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b""), "header too small"),
    ],
)
def test_a_broken_base_model_is_64_before_the_training(
    finished: Finished, tmp_path: Path, break_it: Callable[[Path], object], says: str
) -> None:
    folder = Path(shutil.copytree(finished.model, tmp_path / "model"))
    break_it(folder)
    run = make_run(
        tmp_path, {"carol": factories.sentences(60)}, {**factories.small_settings(), "base_model": str(folder)}
    )
    assert run.process.returncode == 64
    errors = [line for line in run.process.stderr.splitlines() if not line.startswith(("scrape", "clean", "dataset"))]
    assert errors[-1].startswith(f"error: base_model '{folder}' cannot be loaded: ")
    assert says in errors[-1]
    assert "Traceback" not in run.process.stderr
    assert "train:" not in run.process.stderr


def test_the_reason_is_left_where_kubernetes_looks_for_it(tmp_path: Path) -> None:
    config = factories.run_config(store=str(tmp_path / "store"), posts={})
    process = run_pipeline(config, HTCTL_TERMINATION_LOG=str(tmp_path / "log"))
    word = json.loads((tmp_path / "log").read_text(encoding="utf-8"))
    assert word == {"code": 64, "reason": process.stderr.splitlines()[-1].removeprefix("error: "), "stage": "scrape"}
    assert word["reason"] == "@alice: source 'jsonl' needs a posts file for each handle"


def test_a_refused_credential_is_77(tmp_path: Path, s3: s3server.Server) -> None:
    process = run_pipeline(factories.run_config(store=s3.address("x")), AWS_ACCESS_KEY_ID="wrong")
    assert process.returncode == 77
    assert "the credentials were refused for bots/alice/latest.json (InvalidAccessKeyId)" in process.stderr


def test_posts_alone_are_fetched_where_an_order_says_so(tmp_path: Path) -> None:
    with xserver.running() as server:
        server.account("alice", xserver.posts(120))
        order = Order(str(tmp_path / "store"), {"x": ("alice", "nobody")})
        environment = {"HTCTL_SCRAPE": order.to_json(), "X_BEARER_TOKEN": xserver.TOKEN, "HTCTL_X_API": server.url}
        environment |= {"HTCTL_TERMINATION_LOG": str(tmp_path / "word")}
        command = [sys.executable, "-m", "pipeline"]
        ran = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert ran.returncode == 66
    word = json.loads((tmp_path / "word").read_text(encoding="utf-8"))
    assert (word["code"], word["reason"][:20]) == (66, "X knows no @nobody: ")
    account = accounts.read(open_store(str(tmp_path / "store")), "x", "alice")
    assert account is not None
    assert account.complete


@pytest.mark.parametrize(("text", "says"), [(None, "HTCTL_RUN is not set"), ("{", "HTCTL_RUN is not JSON")])
def test_a_wrong_config_is_64(text: str | None, says: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "HTCTL_RUN"}
    environment |= {"HTCTL_RUN": text} if text else {}
    command = [sys.executable, "-m", "pipeline"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 64
    assert says in result.stderr
