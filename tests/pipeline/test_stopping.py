import os
import signal
import time

import pytest

from pipeline import stopping
from pipeline.errors import TryLaterError


def test_a_signal_is_noted_and_acted_on_when_all_is_saved() -> None:
    with pytest.raises(KeyboardInterrupt), stopping.deferred() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.asked == signal.SIGINT
        stop.leave_if_asked("kept")
    with pytest.raises(TryLaterError, match="stopped on SIGTERM, kept"), stopping.deferred() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        stop.leave_if_asked("kept")


def test_a_second_ctrl_c_does_not_wait() -> None:
    with pytest.raises(KeyboardInterrupt), stopping.deferred() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail(f"still here after {stop.asked}")


def test_the_handlers_before_are_back_after() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stopping.deferred() as stop:
        stop.leave_if_asked("nobody asked")
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_training_sigterm_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "_told", [])
    with pytest.raises(TryLaterError, match="stopped on SIGTERM"):
        stopping.heard(signal.SIGTERM, None)


class Thrower:
    """Is sent a signal while it is thrown away, where Python drops what a handler raises."""

    def __init__(self, signum: int) -> None:
        self.signum = signum

    def __del__(self) -> None:
        os.kill(os.getpid(), self.signum)
        time.sleep(0)  # the handler runs in here


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("signum", "raised"), [(signal.SIGTERM, TryLaterError), (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_whose_exception_is_lost_is_acted_on_all_the_same(
    signum: signal.Signals, raised: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "_told", [])
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        stopping.listen()
        Thrower(signum)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    with pytest.raises(raised):
        stopping.leave_if_told()
    with pytest.raises(raised), stopping.deferred() as stop:
        stop.leave_if_asked("kept at step 1")
