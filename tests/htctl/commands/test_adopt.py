from pathlib import Path

import pytest

from pipeline.store.folder import FolderStore
from pipeline.store.objects import read_json
from tests import factories, oldmodels
from tests.htctl.runner import htctl

pytestmark = pytest.mark.slow
SMALL = ["clean.min_characters=100", "train.block_size=64", "train.epochs=1", "generate.max_length=24"]


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    """A store with an adopted bot; tests may add to it, and must not change that."""
    folder = tmp_path_factory.mktemp("adopted")
    oldmodels.save(folder / "old-model")
    store = FolderStore((folder / "store").resolve())
    shown = htctl("adopt", str(folder / "old-model"), "--store", store.address)
    assert shown.code == 0, shown.err
    (folder / "shown").write_text(shown.out, encoding="utf-8")
    return store


def run_of(store: FolderStore) -> str:
    return next(run for run in store.folders("bots/jeffdean/runs/") if run.startswith("adopted-"))


def test_a_person_is_told_what_came_and_what_to_do_next(adopted: FolderStore) -> None:
    lines = Path(adopted.address).with_name("shown").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "jeffdean"
    assert lines[1].startswith("  adopted   old-model (pytorch_model.bin; ")
    assert lines[2] == "  posts     Jeff Dean (@🏡): 3,222 downloaded - 926 retweets - 153 short = 2,143 kept"
    assert lines[3:5] == [
        "  run       https://app.wandb.ai/wandb/huggingtweets/runs/2wbq7a5s",
        "  run       https://app.wandb.ai/wandb/huggingtweets/runs/1hpit9nl",
    ]
    assert lines[-1].endswith(f"htctl run jeffdean --posts FILE --base-model bot:jeffdean --store {adopted.address}")


def test_the_other_commands_take_it_like_any_bot(
    adopted: FolderStore, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    store = ["--store", adopted.address]
    listed = htctl("bots", *store).out
    assert "@jeffdean" in listed
    assert run_of(adopted) in listed
    assert htctl("card", "jeffdean", *store).out.encode() == (oldmodels.GOLDEN / "jeffdean.md").read_bytes()
    assert "🤖 AI BOT 🤖" in htctl("card", "jeffdean", "--template", "huggingtweets-2021-05", *store).out
    assert "its old card; only huggingtweets-2020, " in htctl("card", "jeffdean", "--template", "htctl", *store).err
    assert "was made elsewhere and adopted" in htctl("posts", "jeffdean", *store).err
    assert htctl("fetch", "jeffdean", str(tmp_path / "bot"), *store).code == 0
    again = htctl("card", "--data", str(tmp_path / "bot" / "card.json")).out
    assert again.encode() == (oldmodels.GOLDEN / "jeffdean.md").read_bytes()
    assert htctl("generate", "jeffdean", "--prompt", "the kettle", "-n", "2", "--seed", "1", *store).code == 0
    assert capfd.readouterr().out.count("the kettle") == 2


def test_training_goes_on_from_it_and_both_are_measured_on_the_same_posts(adopted: FolderStore, tmp_path: Path) -> None:
    posts = factories.write_posts(tmp_path / "new.jsonl", factories.sentences(120))
    command = ["run", "jeffdean", "--posts", str(posts), "--base-model", "bot:jeffdean", "--store", adopted.address]
    command += [part for setting in [*SMALL, "generate.copies=2", "generate.samples=2"] for part in ("--set", setting)]
    first, again = htctl(*command), htctl(*command)
    assert (first.code, again.code) == (0, 0)
    assert len(list(adopted.folders("bots/jeffdean/runs/"))) == 2  # the same command is the same run
    run = read_json(adopted, "bots/jeffdean/latest.json")["run"]
    config = read_json(adopted, f"bots/jeffdean/runs/{run}/config.json")["asked"]
    assert config["base_model"] == f"bot:jeffdean/{run_of(adopted)}"
    trained = read_json(adopted, f"bots/jeffdean/runs/{run}/stages/train.json")["result"]
    assert trained["before"]["posts"] == trained["after"]["posts"] > 0
    assert trained["after"]["bits_per_byte"] < trained["before"]["bits_per_byte"]
    card = htctl("card", "jeffdean", "--store", adopted.address).out
    assert f"It is the bot jeffdean/{run_of(adopted)} (" in card
    assert "**It may have been trained on posts that are held out here**" in card
    assert "base_model:" not in card.split("\n---\n")[0]
    assert htctl("gc", "--keep", "1", "--yes", "--store", adopted.address).code == 0
    assert run_of(adopted)  # it cannot be made anew


def test_a_wrong_model_is_one_line_and_a_usage_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    for whose in ([], ["--handles", "alice"]):
        assert htctl("adopt", str(tmp_path / "empty"), *whose, "--store", str(tmp_path / "store")).code == 2
        told = capfd.readouterr().err.strip().splitlines()
        assert told[-1] == f"error: {tmp_path}/empty: no model is there (config.json is missing)"
