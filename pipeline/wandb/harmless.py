"""Methods whose faults are said and go no further: what only accompanies a run must not end it."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar, cast

from pipeline.errors import TryLaterError


class Warns(Protocol):
    """What has such methods can say what went wrong."""

    def warn(self, text: str) -> None: ...


P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=Warns)


def harmless(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R | None]:
    """What goes wrong in the method is said, and the run goes on; being told to stop is no such thing."""

    @functools.wraps(method)
    def guarded(self: S, *args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return method(self, *args, **kwargs)
        except TryLaterError:  # a SIGTERM that came just now, or a lease that is lost
            raise
        except Exception as error:
            self.warn(f"{type(error).__name__}: {error}")
            return None

    return cast("Callable[Concatenate[S, P], R | None]", guarded)
