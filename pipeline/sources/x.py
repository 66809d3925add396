"""X's API v2 through tweepy: an account and the pages of its posts; limits and faults are waited for, within bounds."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.config import X_TOKEN
from pipeline.errors import AccountError
from pipeline.posts import Post
from pipeline.sources import jsonl, x_answers
from pipeline.sources.network import CursorRefusedError, Page, Profile
from pipeline.sources.waiting import Answer, Bounds, persist

API = "HTCTL_X_API"  # another address of the API
LIMIT_S = 16 * 60.0  # X counts in spans of 15 minutes; for longer no Pod should hold a GPU
FAULT_S = 60.0
BOUNDS = Bounds(LIMIT_S, FAULT_S, first_limit=60.0)
A_PAGE = 100
USER_FIELDS = ["id", "name", "username", "description", "profile_image_url", "protected", "public_metrics"]
USER_FIELDS += ["created_at", "withheld"]
POST_FIELDS = ["id", "text", "created_at", "author_id", "lang", "referenced_tweets", "in_reply_to_user_id"]
POST_FIELDS += ["entities", "note_tweet", "edit_history_tweet_ids"]


def opened(environment: Mapping[str, str], say: Callable[[str], None]) -> "X":
    """The source as the environment describes it: a token, perhaps another address."""
    return X(environment.get(X_TOKEN, ""), environment.get(API, ""), say)


class X:
    """A Source. The token is looked at when the first question is asked: to read what is kept none is needed."""

    name = "x"
    accounts_at_once = 100

    def __init__(
        self,
        token: str,
        api: str = "",
        say: Callable[[str], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
        timeout: tuple[float, float] | None = None,
    ) -> None:
        self._token, self._api, self._say, self._sleep, self._timeout = token, api, say, sleep, timeout
        self._client: Any = None
        self._who = ""
        self._ahead: dict[str, bytes] = {}  # what was asked for many at once, by handle in lower case

    def look_up_all(self, handles: Sequence[str]) -> None:
        try:
            body = self._ask("accounts", lambda client: client.get_users(usernames=handles, user_fields=USER_FIELDS))
        except AccountError:  # none of them is there
            return
        users = json.loads(body).get("data")
        for user in users if isinstance(users, list) else []:
            name = _text(_object(user).get("username")).lower()
            self._ahead[name] = json.dumps({"data": user}, ensure_ascii=False).encode("utf-8", "surrogatepass")

    def look_up(self, handle: str) -> bytes:
        if ahead := self._ahead.pop(handle.lower(), None):
            return ahead
        body = self._ask(f"@{handle}", lambda client: client.get_user(username=handle, user_fields=USER_FIELDS))
        now = _object(json.loads(body).get("data")).get("username", handle)
        if str(now).lower() != handle.lower():
            raise x_answers.renamed(f"@{handle}", str(now))
        return body

    def page(self, profile: Profile, cursor: str, newer_than: str) -> bytes:
        """A cursor is X's page token and, after a space, the page's oldest id, for when X has forgotten the token."""
        token, _, oldest = cursor.partition(" ")
        if token:
            try:
                return self._posts(profile, pagination_token=token, since_id=newer_than)
            except CursorRefusedError:
                if not oldest:
                    raise
                self._say(f"X no longer takes its page token for @{profile.handle}; going on before post {oldest}")
        return self._posts(profile, until_id=oldest, since_id=newer_than)

    def read_profile(self, body: bytes) -> Profile:
        user = _object(_object(json.loads(body)).get("data"))
        counts = _object(user.get("public_metrics"))
        return Profile(
            id=_text(user.get("id")),
            handle=_text(user.get("username")),
            name=_text(user.get("name")),
            description=_text(user.get("description")),
            avatar=_text(user.get("profile_image_url")),
            created_at=_text(user.get("created_at")),
            protected=user.get("protected") is True,
            posts=_number(counts.get("tweet_count", counts.get("post_count"))),
            followers=_number(counts.get("followers_count")),
        )

    def read_page(self, body: bytes) -> Page:
        answer = _object(json.loads(body))
        meta = _object(answer.get("meta"))
        items = jsonl.items(answer.get("data") or [])
        posts = [_post(item) for item in items]
        token = _text(meta.get("next_token"))
        oldest = _text(meta.get("oldest_id")) or _oldest(posts)
        return Page(posts, f"{token} {oldest}".rstrip() if token else "")

    def _posts(self, profile: Profile, **where: str) -> bytes:
        given = {name: value for name, value in where.items() if value}
        return self._ask(
            f"@{profile.handle}",
            lambda client: client.get_users_tweets(profile.id, max_results=A_PAGE, tweet_fields=POST_FIELDS, **given),
        )

    def _ask(self, who: str, question: Callable[[Any], Any]) -> bytes:
        """The answer's body; what another time may be better is waited for, then TryLaterError."""
        self._who = who
        once = lambda: bytes(question(self._connected()).content)  # noqa: E731
        return persist(once, f"{who}:", BOUNDS, self._say, self._sleep)

    def _connected(self) -> Any:
        if self._client is None:
            from pipeline.sources.x_client import TIMEOUT_S, Client  # tweepy takes its time

            self._client = Client(self._token, self._api, self._check, self._timeout or TIMEOUT_S)
        return self._client

    def _check(self, answer: Answer) -> None:
        x_answers.check(answer, self._who)


def _post(item: Any) -> Post:
    """A post; what is none counts as one without text, since X was paid for it."""
    read = jsonl.read_post(item)
    return read if isinstance(read, Post) else Post(_text(_object(item).get("id")), "", "", "", retweet=False)


def _oldest(posts: list[Post]) -> str:
    """The smallest id: they grow with time."""
    ids = [post.id for post in posts if post.id.isascii() and post.id.isdigit()]
    return min(ids, key=lambda number: (len(number), number), default="")


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return "" if value is None else jsonl.sound(str(value))


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
