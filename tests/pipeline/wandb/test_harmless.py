import pytest

from pipeline.errors import LeaseLostError, TryLaterError
from pipeline.wandb.harmless import harmless


class Told:
    def __init__(self) -> None:
        self.said: list[str] = []

    def warn(self, text: str) -> None:
        self.said.append(text)

    @harmless
    def divide(self, number: int) -> float:
        return 1 / number

    @harmless
    def stop(self, error: BaseException) -> None:
        raise error


def test_a_result_comes_through_and_a_fault_is_said() -> None:
    told = Told()
    assert told.divide(2) == 0.5
    assert told.divide(0) is None
    assert told.said == ["ZeroDivisionError: division by zero"]


@pytest.mark.parametrize("error", [TryLaterError("SIGTERM"), LeaseLostError("lost"), KeyboardInterrupt()])
def test_being_told_to_stop_goes_on_up(error: BaseException) -> None:
    told = Told()
    with pytest.raises(type(error)):
        told.stop(error)
    assert told.said == []
