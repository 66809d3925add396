"""`python -m pipeline.scraping`: accounts' posts into the store without any run, so that no GPU waits for them."""

import argparse
import contextlib
import sys
from collections.abc import Iterable, Sequence

from pipeline import accounts, fetching, sources
from pipeline.errors import (
    AccountError,
    BusyError,
    CredentialError,
    SourceRefusedError,
    StoppedError,
    TooDearError,
    TryLaterError,
    told,
)
from pipeline.order import Order
from pipeline.progress import Report
from pipeline.settings import Scrape
from pipeline.sources.network import CursorRefusedError, LooksUpMany, OddAnswerError, Source
from pipeline.stopping import listen
from pipeline.store import Store, open_store
from pipeline.terms import Budget, Terms

# Which exit code stands for all: first what another try may mend, then what is the same for every account.
WORST = (TryLaterError.exit_code, CredentialError.exit_code, SourceRefusedError.exit_code, AccountError.exit_code)
OF_ONE = (AccountError, OddAnswerError, CursorRefusedError, BusyError)  # other accounts of the server may do well
OF_SERVER = (TryLaterError, SourceRefusedError, CredentialError)


def main(arguments: Sequence[str]) -> int:
    """Fetch every account that is named; the exit code is the worst one's, as of a run."""
    given = _parser().parse_args(arguments)
    report = Report()
    try:
        listen()
        source, store = sources.opened(given.source, report.line), open_store(given.store)
        prices = accounts.prices(given.source, Scrape(given.post_price, given.account_price))
        terms = Terms(prices, given.lease_seconds, given.refresh, given.anew, Budget(given.max_cost), given.posts)
        return scrape(source, given.handles, store, terms, report)
    except BaseException as error:
        code, line = told(error)
        report.line(line)
        return code


def fulfil(order: Order, report: Report) -> int:
    """Fetch all that is ordered; returns the exit code."""
    store, codes = open_store(order.store), []
    for name, handles in order.accounts.items():
        terms = Terms(accounts.prices(name, order.scrape), order.lease_seconds, posts=order.scrape.posts)
        codes.append(scrape(sources.opened(name, report.line), handles, store, terms, report))
    return worst(codes)


def scrape(source: Source, handles: Iterable[str], store: Store, terms: Terms, report: Report) -> int:
    """Fetch one after the other. What is wrong with one account is told, and the others are fetched; a server that
    refuses or is away is asked for nothing more, other servers are; anything else ends it."""
    left = set[str]()  # servers that are asked for nothing more
    codes, wanted = [], list(handles)
    for number, handle in enumerate(wanted):
        server = handle.rpartition("@")[2].lower() if "@" in handle else source.name
        try:
            if server in left and not _is_there(source, handle, store, terms):
                report.line(f"scrape: @{handle}: left out, since {server} is asked for nothing more")
                continue
            if terms.again and isinstance(source, LooksUpMany) and number % source.accounts_at_once == 0:
                _look_up(source, wanted[number : number + source.accounts_at_once], terms)
            found = fetching.fetch(source, handle, store, terms, report)
        except StoppedError:
            raise
        except (*OF_ONE, *OF_SERVER) as error:
            report.line(f"error: {error}")
            codes.append(error.exit_code)
            if not isinstance(error, OF_ONE):
                left.add(server)
        else:
            report.line(f"scrape: @{handle}: {found.posts:,} posts{accounts.paid(found)}")
    return worst(codes)


def _look_up(source: LooksUpMany, handles: Sequence[str], terms: Terms) -> None:
    """Ask about these accounts at once, where that may be paid for: each is looked up when it is asked for again."""
    with contextlib.suppress(TooDearError):
        terms.budget.check(len(handles) * terms.prices.account)
        source.look_up_all(handles)


def worst(codes: Iterable[int]) -> int:
    """The exit code for all: 0 where all are 0."""
    found = set(codes) - {0}
    return next((code for code in WORST if code in found), max(found, default=0))


def _is_there(source: Source, handle: str, store: Store, terms: Terms) -> bool:
    """Whether nothing would be asked about an account."""
    found = accounts.read(store, source.name, handle)
    return bool(found and found.complete and not terms.again)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline.scraping", description=__doc__)
    parser.add_argument("handles", nargs="+")
    parser.add_argument("--source", required=True, choices=sources.NETWORK)
    parser.add_argument("--store", required=True)
    parser.add_argument("--refresh", action="store_true")
    parser.add_argument("--anew", action="store_true")
    parser.add_argument("--post-price", type=float, default=Scrape.post_price)
    parser.add_argument("--account-price", type=float, default=Scrape.account_price)
    parser.add_argument("--posts", type=int, default=Scrape.posts)
    parser.add_argument("--lease-seconds", type=float, default=60.0)
    parser.add_argument("--max-cost", type=float)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
