"""Any Mastodon server through Mastodon.py, without a key: an account and the pages of its posts."""

import functools
import json
import time
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from pipeline import handles
from pipeline.errors import AccountError, CredentialError, HtctlError, SourceRefusedError
from pipeline.posts import Post
from pipeline.sources import markup
from pipeline.sources.asking import TIMEOUT_S, Asking, Seen
from pipeline.sources.network import OddAnswerError, Page, Profile, TakenBackError
from pipeline.sources.plain import count, items, mapping, moment, words
from pipeline.sources.waiting import INSTEAD, Answer, line

API = "HTCTL_MASTODON_API"  # asked instead of every handle's own server
A_PAGE = 40


def opened(environment: Mapping[str, str], say: Callable[[str], None]) -> "Mastodon":
    """The source as the environment describes it: perhaps one address for all servers."""
    return Mastodon(environment.get(API, ""), say)


class Mastodon:
    """A Source; the server is the handle's: `user@server`."""

    name = "mastodon"

    def __init__(
        self,
        api: str = "",
        say: Callable[[str], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
        timeout: float = TIMEOUT_S,
    ) -> None:
        self._api, self._timeout = api, timeout
        self._asking, self._seen = Asking(say, sleep), Seen()
        self._clients: dict[str, Any] = {}

    def look_up(self, handle: str) -> bytes:
        user, _, _ = handle.partition("@")
        body = self._ask(handle, self._is_account, lambda client: client.account_lookup(user))
        if mapping(json.loads(body)).get("suspended") is True:  # such an account's posts are an empty page
            raise TakenBackError(f"@{handle} is suspended by its server; leave it out")
        return body

    def page(self, profile: Profile, cursor: str, newer_than: str) -> bytes:
        where = {"max_id": cursor or None, "since_id": newer_than or None, "limit": A_PAGE}
        return self._ask(profile.handle, _is_page, lambda client: client.account_statuses(profile.id, **where))

    def read_profile(self, body: bytes) -> Profile:
        """Its handle has the server that answers for the account, which its page's address tells."""
        account = mapping(json.loads(body))
        return Profile(
            id=words(account.get("id")),
            handle=f"{words(account.get('username'))}@{_host(account.get('url')) or _host(account.get('uri'))}",
            name=words(account.get("display_name")),
            description=markup.text(words(account.get("note"))),
            avatar=words(account.get("avatar")),
            created_at=moment(account.get("created_at")),
            protected=False,  # `locked` is about who may follow; what is not public is never shown without a login
            posts=count(account.get("statuses_count")),
            followers=count(account.get("followers_count")),
        )

    def read_page(self, body: bytes) -> Page:
        """A page may hold fewer posts than were asked for without being the last; the last is empty."""
        statuses = [mapping(status) for status in items(json.loads(body))]
        ids = [words(status.get("id")) for status in statuses]
        return Page([_post(status) for status in statuses], next(filter(None, reversed(ids)), ""))

    def _ask(self, handle: str, fits: Callable[[Any], bool], question: Callable[[Any], object]) -> bytes:
        server = handle.rpartition("@")[2].lower()
        client = self._clients.get(server) or self._connected(server)
        seen = functools.partial(self._seen.of, lambda: question(client))
        answer = self._asking.ask(f"@{handle}", server, fits, seen)
        if answer.status >= 400:
            raise _refusal(answer, handle, server)
        return answer.body

    def _connected(self, server: str) -> Any:
        import mastodon
        import requests

        session = requests.Session()
        session.hooks["response"].append(self._keep)
        self._clients[server] = mastodon.Mastodon(
            api_base_url=self._api or f"https://{server}",
            session=session,
            request_timeout=self._timeout,
            ratelimit_method="throw",
            user_agent="htctl",
        )
        return self._clients[server]

    def _keep(self, response: Any, **_: Any) -> None:
        body = response.content
        headers = {name.lower(): value for name, value in response.headers.items()}
        self._seen.answer = Answer(response.status_code, headers, body)

    def _is_account(self, value: Any) -> bool:
        profile = self.read_profile(json.dumps(value).encode())
        return bool(profile.id) and bool(handles.MASTODON.fullmatch(profile.handle))


def _is_page(value: Any) -> bool:
    return isinstance(value, list)


def _post(status: dict[str, Any]) -> Post:
    reblog = mapping(status.get("reblog"))
    shown = reblog or status
    return Post(
        id=words(status.get("id")),
        text=markup.text(words(shown.get("content"))),
        created_at=moment(status.get("created_at")),
        lang=words(shown.get("language")),
        retweet=bool(reblog),
    )


def _host(address: Any) -> str:
    try:
        return urllib.parse.urlsplit(words(address)).hostname or ""
    except ValueError:
        return ""


def _refusal(answer: Answer, handle: str, server: str) -> HtctlError:
    """What an answer says. Only what it says of the account itself is an AccountError: posts are deleted for those."""
    who, said = f"@{handle}", line(words(mapping(answer.value).get("error")))
    is_api = isinstance(answer.value, dict)
    if answer.status == 404 and not is_api:
        text = f"{server} does not speak Mastodon's API; where {who}'s page has another address, write that server"
        return SourceRefusedError(f"{text}: {handle.partition('@')[0]}@SERVER")
    if answer.status == 404:
        return AccountError(f"{server} knows no {who}: misspelt, moved or deleted; mend or leave it out")
    if answer.status == 410:
        return AccountError(f"{who} is suspended or deleted ({server} answers 410); leave it out")
    if is_api and (answer.status in (401, 403) or "authenticated" in said):
        return CredentialError(f"{server} shows {who} only to who is logged in, which htctl never is; {INSTEAD}")
    reason = said or line(answer.body[:200].decode("utf-8", "replace"))[:60] or "no reason"
    return OddAnswerError(f"{server} answers {answer.status} about {who}: {reason}; it may bar programs: {INSTEAD}")
