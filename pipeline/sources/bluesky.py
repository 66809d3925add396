"""Bluesky's public view through atproto, which needs no key: an account and the pages of its posts."""

import functools
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.errors import AccountError, CredentialError, HtctlError
from pipeline.posts import Post
from pipeline.sources import facets
from pipeline.sources.asking import TIMEOUT_S, Asking, Seen
from pipeline.sources.network import CursorRefusedError, OddAnswerError, Page, Profile, TakenBackError
from pipeline.sources.plain import count, items, mapping, moment, words
from pipeline.sources.waiting import INSTEAD, KEPT, Answer, line

API = "HTCTL_BLUESKY_API"  # another address of the API
PUBLIC = "https://public.api.bsky.app"
A_PAGE = 100


def opened(environment: Mapping[str, str], say: Callable[[str], None]) -> "Bluesky":
    """The source as the environment describes it: perhaps another address."""
    return Bluesky(environment.get(API, ""), say)


class Bluesky:
    """A Source. It cannot ask for what is newer than a post only: pages begin with the newest and go back."""

    name = "bluesky"

    def __init__(
        self,
        api: str = "",
        say: Callable[[str], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
        timeout: float = TIMEOUT_S,
    ) -> None:
        self._api, self._timeout, self._say = api or PUBLIC, timeout, say
        self._asking, self._seen = Asking(say, sleep), Seen()

    def look_up(self, handle: str) -> bytes:
        body = self._ask(f"@{handle}", "app.bsky.actor.getProfile", _is_profile, actor=handle)
        if self.read_profile(body).protected:
            raise _hidden(f"@{handle}")
        return body

    def page(self, profile: Profile, cursor: str, newer_than: str) -> bytes:  # noqa: ARG002 - the Protocol's
        """A cursor is Bluesky's and, after a space, when the page's last post was: the form that cursors have."""
        who = f"@{profile.handle}"
        if profile.protected:
            raise _hidden(who)
        last, _, moment_of_last = cursor.partition(" ")
        if last:
            try:
                return self._feed(profile, last)
            except CursorRefusedError:
                if moment_of_last in ("", last):
                    raise
                self._say(f"Bluesky no longer takes its cursor for {who}; going on before {moment_of_last}")
        return self._feed(profile, moment_of_last)

    def _feed(self, profile: Profile, cursor: str) -> bytes:
        who = f"@{profile.handle}"
        where = {"actor": profile.id, "filter": "posts_with_replies", "limit": A_PAGE, "cursor": cursor or None}
        try:
            return self._ask(who, "app.bsky.feed.getAuthorFeed", _is_feed, **where)
        except OddAnswerError as error:
            if cursor and "cursor" in str(error).lower():
                raise CursorRefusedError(f"Bluesky no longer takes its cursor for {who}; {KEPT}") from None
            raise

    def read_profile(self, body: bytes) -> Profile:
        account = mapping(json.loads(body))
        labels = {words(mapping(label).get("val")) for label in items(account.get("labels"))}
        return Profile(
            id=words(account.get("did")),
            handle=words(account.get("handle")),
            name=words(account.get("displayName")),
            description=words(account.get("description")),
            avatar=words(account.get("avatar")),
            created_at=moment(account.get("createdAt")),
            protected="!no-unauthenticated" in labels,
            posts=count(account.get("postsCount")),
            followers=count(account.get("followersCount")),
        )

    def read_page(self, body: bytes) -> Page:
        answer = mapping(json.loads(body))
        posts = [_post(mapping(item)) for item in items(answer.get("feed"))]
        cursor, last = (
            words(answer.get("cursor")),
            next(filter(None, (post.created_at for post in reversed(posts))), ""),
        )
        return Page(posts, f"{cursor} {last}".rstrip() if cursor else "")

    def _ask(self, who: str, method: str, fits: Callable[[Any], bool], **parameters: Any) -> bytes:
        question = functools.partial(self._client.invoke_query, method, _parameters(method, parameters))
        answer = self._asking.ask(who, "Bluesky", fits, lambda: self._seen.of(question))
        if answer.status >= 400:
            raise _refusal(answer, who)
        return answer.body

    @functools.cached_property
    def _client(self) -> Any:
        """atproto's client for plain questions: its readers refuse a whole page for one record of a new form."""
        from atproto_client.client.base import ClientBase  # atproto takes its time
        from atproto_client.request import Request

        request = Request(timeout=self._timeout, event_hooks={"response": [self._keep]})
        request.add_additional_header("User-Agent", "htctl")
        return ClientBase(self._api, request)

    def _keep(self, response: Any) -> None:
        body = response.read()
        self._seen.answer = Answer(response.status_code, dict(response.headers), body)


def _parameters(method: str, given: Mapping[str, Any]) -> Any:
    from atproto_client import models

    forms = {
        "app.bsky.actor.getProfile": models.AppBskyActorGetProfile.Params,
        "app.bsky.feed.getAuthorFeed": models.AppBskyFeedGetAuthorFeed.Params,
    }
    return forms[method](**given)


def _is_profile(value: Any) -> bool:
    return bool(words(mapping(value).get("did")))


def _is_feed(value: Any) -> bool:
    return isinstance(mapping(value).get("feed"), list)


def _post(item: dict[str, Any]) -> Post:
    post, reason = mapping(item.get("post")), mapping(item.get("reason"))
    record = mapping(post.get("record"))
    # When a post was made is its author's program's word; later than it was seen it cannot have been.
    made = min(filter(None, (moment(record.get("createdAt")), moment(post.get("indexedAt")))), default="")
    found = Post(
        id=words(post.get("uri")),
        text=facets.text(record),
        created_at=made,
        lang=next(filter(None, map(words, items(record.get("langs")))), ""),
        retweet=bool(reason) and not words(reason.get("$type")).endswith("#reasonPin"),
    )
    if not found.retweet:
        return found
    # A repost is a post of its own: whoever reposts their own words must not lose these.
    own = words(reason.get("uri")) or f"{found.id}#repost"
    return found._replace(id=own, created_at=moment(reason.get("indexedAt")) or made)


def _refusal(answer: Answer, who: str) -> HtctlError:
    """What an answer says. Only what it says of the account itself is an AccountError: posts are deleted for those."""
    said = mapping(answer.value)
    name, text = line(words(said.get("error"))), line(words(said.get("message")))
    if name in _GONE:
        return AccountError(f"{who} is {_GONE[name]} at Bluesky; leave it out")
    if name == "InvalidRequest" and _UNKNOWN & set(text.lower().split()):
        return AccountError(f"Bluesky knows no {who}: misspelt, renamed or deleted; mend or leave it out")
    if answer.status == 401:
        return CredentialError(f"Bluesky shows {who} only to who is logged in, which htctl never is; {INSTEAD}")
    said_so = ": ".join(filter(None, (name, text))) or "with no reason"
    return OddAnswerError(f"Bluesky answers {answer.status} about {who}: {said_so}; is htctl too old, or barred?")


def _hidden(who: str) -> AccountError:
    return TakenBackError(f"{who} wants its posts seen only by who is logged in to Bluesky; {INSTEAD}")


_GONE = {"AccountTakedown": "suspended", "AccountDeactivated": "deactivated"}
_UNKNOWN = {"profile", "actor", "handle", "found"}
