"""An account's posts into the store, each answer once: kept before it is read, gone on with after any end."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from pipeline import accounts, pages, takebacks, turns
from pipeline.accounts import Account, Profile
from pipeline.errors import AccountError, BusyError, LeaseLostError
from pipeline.layout import AccountKeys
from pipeline.moments import utc
from pipeline.progress import Report
from pipeline.sources.network import CursorRefusedError, Source, TakenBackError
from pipeline.store import Store
from pipeline.terms import Terms

A_PAGE = 100  # posts, where they cost anything
FEW = 0.5  # of the posts that a profile counts: with less, something is amiss
PROTECTED = "@{} is protected: its posts are for its followers only; leave it out, or use its owner's archive"


def fetch(source: Source, handle: str, store: Store, terms: Terms, report: Report) -> Account:
    """The account with all its posts in the store; asks only for what is not there.

    Where another process fetches it, that is waited for. What the source refuses is raised as it names it.
    """
    keys = AccountKeys(source.name, handle)
    found = accounts.read(store, source.name, handle)
    wanted = found.dropped + len(found.sweeps) + bool(found.pages) if found and terms.again else 1
    waits = turns.Waits(report.line)
    while not (found and found.complete and found.ended >= wanted):
        try:
            with turns.turn(store, keys.lease, terms.lease_seconds, f"@{handle}", report.line) as mine:
                _Fetch(source, handle, mine, terms, report).until(wanted)
        except BusyError as busy:
            waits.wait(busy)
        except LeaseLostError:
            pass  # another fetches it now
        found = accounts.read(store, source.name, handle)
    return found


class _Fetch:
    """One account, in the hands of this process."""

    def __init__(self, source: Source, handle: str, store: Store, terms: Terms, report: Report) -> None:
        self.source, self.handle, self.store, self.terms, self.report = source, handle, store, terms, report
        self.keys = AccountKeys(source.name, handle)
        self.most = accounts.MOST.get(source.name)

    def until(self, ended: int) -> None:
        """Fetch what is missing until so many sweeps have ended."""
        account = takebacks.cleared(self.store, self.keys, self._account())
        if account.gone:
            when = f"{account.gone} (so on {account.updated[:10]}; to ask anew: htctl scrape --refresh {self.handle})"
            raise AccountError(when)
        account = self._sweep(account)
        while account.ended < ended:
            account = self._renewed(account)
            account = self._sweep(account.begun_anew() if self.terms.anew else account.begun_newer())

    def _account(self) -> Account:
        found = accounts.read(self.store, self.source.name, self.handle)
        anew = self.terms.again and found is not None and bool(found.gone)
        if found and not anew:
            return found
        body = None if anew else pages.kept(self.store, self.keys.profile)
        if body is None:
            body = self._looked_up()
        profile = self.source.read_profile(body)
        account = self._with_profile(found or Account(profile), profile)
        account = replace(account, gone=PROTECTED.format(self.handle) if profile.protected else "")
        self.store.write(self.keys.index, account.to_bytes())
        return account

    def _renewed(self, account: Account) -> Account:
        """With the profile as it is now; where the look-up is refused, as it was: whether posts come decides then."""
        try:
            body = self._looked_up()
        except TakenBackError as error:
            self._take_back(account, error)
            raise
        except AccountError as error:
            self.report.line(f"warning: its profile stays as it was: {error}")
            return account
        account = self._with_profile(account, self.source.read_profile(body))
        self.store.write(self.keys.index, account.to_bytes())
        return account

    def _looked_up(self) -> bytes:
        self.terms.budget.check(self.terms.prices.account)
        body = self.source.look_up(self.handle)
        self.terms.budget.spent += self.terms.prices.account
        self.store.write(self.keys.profile, pages.packed(body))
        return body

    def _with_profile(self, account: Account, profile: Profile) -> Account:
        """With a profile that was asked and paid for."""
        spent, requests = round(account.spent + self.terms.prices.account, 6), account.requests + 1
        return replace(account, profile=profile, requests=requests, spent=spent, updated=utc())

    def _sweep(self, account: Account) -> Account:
        """The account with its last sweep complete."""
        known = (
            frozenset[str]()
            if account.sweeps[-1].anew
            else pages.newest_ids(self.source, self.handle, self.store, account)
        )
        with self._progress(account) as advance:
            advance(account.sweeps[-1].posts)
            while not account.sweeps[-1].complete:
                before = account.posts
                account = self._page(account, known)
                advance(account.posts - before)
        self._warn(account)
        if account.settled() != account:
            account = takebacks.settled(self.source, self.handle, self.store, account)
        return account

    def _warn(self, account: Account) -> None:
        """Say so where a sweep has ended otherwise than one would think."""
        if cut := account.sweeps[-1].cut:
            self.report.line(f"warning: @{self.handle}: {cut}; what came before counts as all")
        elif account.sweeps[-1].posts < FEW * self._expected(account):
            told = (
                f"{account.sweeps[-1].posts:,} posts, though @{self.handle}'s profile counts {account.profile.posts:,}"
            )
            self.report.line(f"warning: {self.source.name} gave {told}; to ask anew: htctl scrape --refresh")

    def _expected(self, account: Account) -> int:
        """How many posts a sweep should have, by the profile and the source's limit; 0 where nobody knows."""
        there = 0 if account.sweeps[-1].newer_than else account.profile.posts or 0
        return min(there, self.most or there, self.terms.posts or there)

    @contextlib.contextmanager
    def _progress(self, account: Account) -> Iterator[Callable[[int], None]]:
        """A bar of so many posts as the profile says; none where nobody knows how many will come."""
        left = self._expected(account)
        if not left:
            yield lambda _: None
            return
        with self.report.bar(f"scrape: @{self.handle}", left, "posts") as bar:

            def advance(count: int) -> None:
                nonlocal left
                if count := min(count, left):  # an account may have written more since
                    bar.advance(count)
                    left -= count

            yield advance

    def _page(self, account: Account, known: frozenset[str]) -> Account:
        """The account with one more page, which is in the store before anybody reads it."""
        key, sweep = self.keys.page(account.next_page), account.sweeps[-1]
        kept = pages.kept(self.store, key)
        page = self.source.read_page(self._asked(account, key) if kept is None else kept)
        cost = self.terms.prices.post * len(page.posts)  # those that were there already, too
        self.terms.budget.spent += cost if kept is None else 0
        sweep = sweep.with_page([post.id for post in page.posts], page.cursor, self.most, known, self.terms.posts)
        account = account.with_sweep(sweep, utc(), cost)
        self.store.write(self.keys.index, account.to_bytes())
        return account

    def _asked(self, account: Account, key: str) -> bytes:
        """The next page from the source, which is in the store now."""
        self.terms.budget.check(A_PAGE * self.terms.prices.post)
        sweep = account.sweeps[-1]
        try:
            body = self.source.page(account.profile, sweep.cursor, sweep.newer_than)
        except CursorRefusedError:
            if sweep.spare == sweep.cursor:
                raise
            body = self.source.page(account.profile, sweep.spare, sweep.newer_than)
        except AccountError as error:
            self._take_back(account, error)
            raise
        return pages.keep(self.store, key, body)

    def _take_back(self, account: Account, error: AccountError) -> None:
        """Remove the posts of an account that is no longer to be had, where somebody asked again."""
        if not (self.terms.again and account.pages):
            return
        if why := takebacks.confirmed(self.source, self.handle, error):
            takebacks.removed(self.store, self.keys, account, why)
            self.report.line(f"scrape: @{self.handle}: its {account.posts:,} posts are removed from the store: {why}")
