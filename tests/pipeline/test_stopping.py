import os
import signal

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


def test_outside_training_sigterm_ends_at_once() -> None:
    with pytest.raises(TryLaterError, match="stopped on SIGTERM"):
        stopping.terminated(signal.SIGTERM, None)
