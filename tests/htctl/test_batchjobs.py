import pytest

from htctl import batchjobs
from k8s.manifests import Manifest
from pipeline.errors import ConfigError


def a_job(*handles: str) -> Manifest:
    notes = {"htctl.dev/bot": "-".join(sorted(map(str.lower, handles))), "htctl.dev/handles": "+".join(handles)}
    return {"metadata": {"name": f"{handles[0]}-1", "annotations": notes}}


JOBS = [a_job("news_a"), a_job("news_b"), a_job("Bob", "alice")]


@pytest.mark.parametrize(
    ("groups", "bots"),
    [
        ([], ["news_a", "news_b", "alice-bob"]),
        (["alice-bob"], ["alice-bob"]),
        (["@Alice+bob"], ["alice-bob"]),
        (["x:@Alice+bob"], ["alice-bob"]),
        (["news*", "news_a"], ["news_a", "news_b"]),
    ],
)
def test_jobs_are_named_by_bot_handles_or_pattern(groups: list[str], bots: list[str]) -> None:
    assert [batchjobs.bot(job) for job in batchjobs.wanted(JOBS, groups)] == bots


def test_one_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"carol: .*it has alice-bob, news_a, news_b"):
        batchjobs.wanted(JOBS, ["carol"])
