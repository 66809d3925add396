from typing import Any

import pytest

from k8s import ending
from k8s.ending import End
from k8s.states import Facts
from tests.k8s.fakes import pod


def a_pod(reason: str = "Error", code: int = 1, message: str = "", **status: Any) -> Any:
    state = {
        "terminated": {"reason": reason, "exitCode": code, "message": message, "finishedAt": "2026-11-25T17:00:00Z"}
    }
    return pod("alice", "Failed", containerStatuses=[{"name": "train", "state": state}], **status)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ('{"code": 66, "reason": "@a is\\nsuspended", "stage": "scrape"}', End("@a is suspended", 66, "scrape")),
        ("one\nerror: the disk is full\n\n", End("the disk is full")),
        ("", End("")),
        ('{"code": "x"}', End('{"code": "x"}')),
    ],
)
def test_the_last_word_of_a_container(message: str, said: End) -> None:
    assert ending.left_word(message) == said


def test_what_the_node_says_of_a_pod() -> None:
    for last_line in ("", "warning: few posts"):
        assert ending.of_pod(a_pod(code=139, message=last_line)).reason.startswith("killed by signal 11; ")
    assert ending.of_pod(a_pod(code=1, message="error: the disk is full")).reason == "the disk is full"
    assert ending.of_pod(a_pod(reason="StartError", code=128)).reason.startswith("exit code 128 (StartError); ")
    evicted = a_pod(code=137, message="half a line")
    evicted["status"] |= {"reason": "Evicted", "message": "low on\nmemory"}
    assert ending.of_pod(evicted).reason == "Evicted: low on memory"
    assert ending.of_pod(pod("alice", "Failed")).reason == ending.VANISHED


def test_a_kill_that_has_no_reason_is_most_likely_for_want_of_memory() -> None:
    killed = a_pod(code=137, message="Killed")
    killed["spec"]["containers"] = [{"name": "train", "resources": {"limits": {"memory": "16Mi"}}}]
    why = "most likely out of memory at its limit of 16Mi; ask for more: --set resources.memory=32Mi"
    assert why in ending.of_pod(killed).reason
    lost = a_pod(reason="ContainerStatusUnknown", code=137)
    assert ending.of_pod(lost).reason.startswith("killed by signal 9 (ContainerStatusUnknown); ")
    killed["status"]["conditions"] = [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]
    assert ending.of_pod(killed).reason.startswith("EvictionByEvictionAPI: ")


def test_a_credential_that_was_refused_comes_from_a_secret() -> None:
    message = '{"code": 77, "reason": "X_BEARER_TOKEN is not set", "stage": "scrape"}'
    for end in (
        ending.of_pod(a_pod(code=77, message=message)),
        ending.recorded(Facts(attempts=({"ended": "t", "exit_code": 77, "reason": "X_BEARER_TOKEN is not set"},))),
    ):
        assert end and end.reason.startswith("X_BEARER_TOKEN is not set; ")
        assert "kubernetes.secrets: [NAME]" in end.reason


def test_what_the_store_says_of_the_last_try() -> None:
    assert ending.recorded(None) is None
    assert ending.recorded(Facts(attempts=({"ended": "t", "exit_code": 0},))) is None
    assert ending.recorded(Facts(attempts=({"started": "t"},))) == End(ending.VANISHED)


@pytest.mark.parametrize(("code", "final"), [(65, True), (1, True), (75, False), (137, False), (None, False)])
def test_which_ends_are_failures_of_the_run(code: int | None, final: bool) -> None:
    assert ending.is_final(End("x", code)) is final


@pytest.mark.parametrize(("limit", "more"), [("16Gi", "32Gi"), ("1.5G", "3G"), ("", ""), ("1e9", "")])
def test_memory_doubled(limit: str, more: str) -> None:
    assert ending.doubled(limit) == more
