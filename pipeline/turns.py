"""One process at a time does a piece of shared work, under a lease that it renews; the others wait for their turn."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from pipeline import lease
from pipeline.errors import BusyError, HtctlError, LeaseLostError, TryLaterError
from pipeline.lease import RENEWALS, Lease
from pipeline.store import Store
from pipeline.store.fenced import FencedStore

PATIENCE_S = 20 * 60.0  # for another process that does the same
LOOKS_S = (0.1, 2.0)  # how often it is looked at: first, and at last


@contextlib.contextmanager
def turn(store: Store, key: str, seconds: float, what: str, say: Callable[[str], None]) -> Iterator[Store]:
    """The store, writable for as long as this process holds the lease at `key`; BusyError where another does.

    A holder that dies is followed at once on its machine, elsewhere after `seconds` of silence.
    """
    taken = lease.take(store, key, seconds, say, what)
    over = threading.Event()
    renewing = threading.Thread(target=_renew, args=(taken, over, seconds / RENEWALS), daemon=True)
    renewing.start()
    try:
        yield FencedStore(store, taken.check)
    finally:
        over.set()
        renewing.join()
        with contextlib.suppress(HtctlError):  # another has it by now, or the store is away: it will be found dead
            taken.renew({}, released=True)


def _renew(taken: Lease, over: threading.Event, every: float) -> None:
    while not over.wait(every):
        try:
            taken.renew({})
        except LeaseLostError:
            return  # the next write finds out
        except HtctlError:
            continue  # the store is away


class Waits:
    """Growing waits for another process, said once, and not for ever."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say, self.look, self.until = say, 0.0, time.monotonic() + PATIENCE_S

    def wait(self, busy: BusyError) -> None:
        """Wait once more; TryLaterError where it has been long enough."""
        if time.monotonic() > self.until:
            raise TryLaterError(f"{busy} (waited for {PATIENCE_S / 60:.0f} minutes)") from None
        if not self.look:
            self.say(f"scrape: {busy}; waiting for it")
        self.look = min(2 * self.look or LOOKS_S[0], LOOKS_S[1])
        time.sleep(self.look)
