from dataclasses import dataclass
from typing import Any

import pytest

from pipeline import schema
from pipeline.schema import setting


@dataclass(frozen=True)
class Inner:
    rate: float = setting(0.5, "a rate", low=0, high=1)
    stage: str = setting("auto", "a stage", choices=("auto", "0", "1"))


@dataclass(frozen=True)
class Outer:
    name: str = setting("x", "a name")
    count: int = setting(1, "a count", low=1)
    on: bool = setting(False, "a switch")
    handles: tuple[str, ...] = ()
    inner: Inner = Inner()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"nmae": "y"}, "nmae: unknown key; did you mean 'name'?"),
        ({"zzz": 1}, "zzz: unknown key; known keys: name, count, on, handles, inner"),
        ({"count": 0}, "count: must be at least 1, not 0"),
        ({"count": "two"}, "count: must be a whole number, not 'two'"),
        ({"count": 1.5}, "count: must be a whole number, not '1.5'"),
        ({"count": True}, "count: must be a whole number, not 'True'"),
        ({"on": 1}, "on: must be true or false, not '1'"),
        ({"name": 3}, "name: must be text, not '3'"),
        ({"name": None}, "name: must be text, not nothing"),
        ({"handles": "a"}, "handles: must be a list, not 'a'"),
        ({"handles": ["a", 1]}, "handles[1]: must be text, not '1'"),
        ({"inner": 3}, "inner: must be a mapping, not '3'"),
        ({"inner": {"rate": 2}}, "inner.rate: must be between 0 and 1, not 2"),
        ({"inner": {"rate": float("nan")}}, "inner.rate: must be between 0 and 1, not nan"),
        ({"inner": {"stage": "2"}}, "inner.stage: must be one of auto, 0, 1, not '2'"),
        ([], "must be a mapping, not a list"),
    ],
)
def test_each_problem_is_one_clear_line(data: Any, problem: str) -> None:
    assert [str(found) for found in schema.check(Outer, data)] == [problem]


def test_all_problems_are_found_at_once() -> None:
    found = schema.check(Outer, {"count": 0, "inner": {"rate": 2, "x": 1}, "y": 2})
    assert len(found) == 4


def test_sound_data_becomes_frozen_values_of_the_right_types() -> None:
    data = {"count": 3, "handles": ["a", "b"], "inner": {"rate": "1e-4", "stage": 1}}
    assert schema.check(Outer, data) == []
    built = schema.build(Outer, data)
    assert built == Outer(count=3, handles=("a", "b"), inner=Inner(rate=1e-4, stage="1"))
    assert isinstance(built.inner.rate, float)


def test_off_as_yaml_reads_it_is_off() -> None:
    @dataclass(frozen=True)
    class Mode:
        mode: str = setting("off", "a mode", choices=("off", "online"))

    assert schema.check(Mode, {"mode": False}) == []
    assert schema.build(Mode, {"mode": False}).mode == "off"
    assert str(schema.check(Mode, {"mode": True})[0]) == "mode: must be text, not 'True'"


def test_a_path_is_spelt_as_a_person_writes_it() -> None:
    assert schema.spell(("groups", 2, "train", "epochs")) == "groups[2].train.epochs"
