import re

import pytest

from k8s import names
from pipeline.identity import bot_of
from tests import factories

DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


@pytest.mark.parametrize("bot", ["elonmusk", "h_ototake-hirox246-ochyai", "_", "x" * 80, "name-bsky-social-0a1b2c3d"])
def test_job_names_are_dns_labels_with_room_for_a_pod_s_suffix(bot: str) -> None:
    name = names.job_name("nightly-2026-11-21", bot)
    assert DNS_LABEL.fullmatch(name)
    assert len(name) <= 52


def test_job_names_differ_by_batch_and_by_bot() -> None:
    made = {names.job_name(batch, bot) for batch in ("a", "b") for bot in ("x_y", "x__y", "_x_y")}
    assert len(made) == 6


def test_job_name_is_the_same_for_the_same_group() -> None:
    assert names.job_name("vtubers", "uppityducky") == names.job_name("vtubers", "uppityducky")
    assert names.job_name("vtubers", "uppityducky").startswith("uppityducky-")


def test_labels_are_sound_and_follow_the_config() -> None:
    config = factories.run_config(batch="nightly-2026.11_21", handles=["x" * 15] * 3)
    labels = names.labels(config, bot_of(config))
    assert all(LABEL_VALUE.fullmatch(value) for value in labels.values())
    assert labels["htctl.dev/batch"] == "nightly-2026.11_21"
    other = names.labels(factories.run_config(train={"epochs": 9}), "alice")
    assert other["htctl.dev/config"] != names.labels(factories.run_config(), "alice")["htctl.dev/config"]


def test_a_batch_s_scrape_job_has_a_name_of_its_own() -> None:
    found = {names.scrape_job_name(batch) for batch in ("night", "day", "n" * 40)}
    assert len(found) == 3
    assert all(len(name) <= names.LONGEST_JOB for name in found)
    assert names.job_name("night", "scrape-night") not in found
