from typing import Any

import pytest

from pipeline.training import zero
from pipeline.training.zero import GIB

GPT2, XL = 124_439_808, 1_557_611_200


@pytest.mark.parametrize(
    ("parameters", "processes", "memory", "stage"),
    [
        (GPT2, 8, 80 * GIB, 0),
        (XL, 1, 16 * GIB, 0),  # nothing to share it with
        (XL, 8, 80 * GIB, 0),
        (XL, 8, 24 * GIB, 1),  # 13.1 of 14.4
        (XL, 8, 16 * GIB, 2),  # 8.0 of 9.6
        (XL, 8, 8 * GIB, 3),
        (XL, 2, 1 * GIB, 3),  # it fits nowhere; this is the best there is
    ],
)
def test_the_lowest_stage_that_leaves_room(parameters: int, processes: int, memory: int, stage: int) -> None:
    found, why = zero.choose(parameters, processes, memory)
    assert found == stage
    assert bool(why) == (stage > 0)


@pytest.mark.parametrize(
    ("processes", "memory", "stage"),
    [(1, 80, 1), (8, 80, 1), (8, 16, 2), (8, 8, 3)],  # 11.6 of a GPU at stage 1, 6.5 at 2, 1.5 at 3
)
def test_with_adamw_s_state_elsewhere_the_first_stage_is_1_and_more_fits(
    processes: int, memory: int, stage: int
) -> None:
    found, why = zero.choose(XL, processes, memory * GIB, offload=True)
    assert found == stage
    assert ("parameters with gradients take 11.6 GiB" in why) == (stage > 1)


def test_the_reason_says_what_is_held_and_what_there_is() -> None:
    assert zero.choose(XL, 8, 24 * GIB)[1] == (
        "ZeRO stage 1: 1,557,611,200 parameters with gradients and AdamW's state take 23.2 GiB, of which each of "
        "8 processes then holds 13.1; it has 24.0"
    )


def test_processes_without_a_gpu_share_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zero.engine, "device", lambda: "cpu")
    assert GIB // 4 < zero.memory(1) == pytest.approx(2 * zero.memory(2), abs=1)


def test_one_with_a_gpu_has_what_that_has(monkeypatch: pytest.MonkeyPatch) -> None:
    class Properties:
        total_memory = 80 * GIB

    given: Any = lambda _: Properties  # noqa: E731
    monkeypatch.setattr(zero.engine, "device", lambda: "cuda")
    monkeypatch.setattr(zero.torch.cuda, "get_device_properties", given)
    assert zero.memory(4) == 80 * GIB
