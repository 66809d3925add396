"""A whole batch from its file to its bots, as a person sends it; the bots are those that `htctl run` makes here."""

import json
from pathlib import Path

from tests.cluster import sixgroups
from tests.cluster.scene import Scene


def test_a_batch_of_six_publishes_four_and_fails_two_at_once(
    stage: Scene, shared: Path, tmp_path: Path, six_here: dict[str, sixgroups.Made]
) -> None:
    batch = sixgroups.file(stage, shared, tmp_path)
    sent = sixgroups.htctl("submit", "-f", str(batch), "--wait")
    assert sent.returncode == 1, sent.stderr
    made = sixgroups.published(stage.store)
    assert made.keys() == sixgroups.bots()
    for bot, why in sixgroups.FAILING.items():
        assert f"\n{bot}: failed: {why}" in sent.stdout
    tries = {bot: job["status"].get("failed", 0) for bot, job in sixgroups.jobs(stage, batch).items()}
    assert tries == dict.fromkeys(sixgroups.bots(), 0) | dict.fromkeys(sixgroups.FAILING, 1)
    shown = json.loads(sixgroups.htctl("status", "-f", str(batch), "-o", "json").stdout)
    assert shown["totals"] == {"failed": 2, "published": 4}
    assert {group["code"] for group in shown["groups"] if group["phase"] == "failed"} == {65}
    if stage.is_here():  # another kind of CPU sums in another order
        assert made == six_here
    fetched = sixgroups.htctl("fetch", "in2013+in2014", str(tmp_path / "bot"), "--store", stage.address)
    assert fetched.returncode == 0, fetched.stderr
    assert (tmp_path / "bot" / "model.safetensors").exists()
