"""tweepy's client as htctl uses it: with a timeout, answers checked before tweepy reads them, a token in no log."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import requests
import tweepy

from pipeline.config import X_TOKEN
from pipeline.errors import CredentialError
from pipeline.sources.waiting import Answer, NotNowError, line
from pipeline.sources.x_answers import NamesRefusedError

HOST = "https://api.twitter.com"  # which tweepy has written into its code
TIMEOUT_S = (10.0, 60.0)  # to connect; between two pieces of an answer
# X has begun to say `post` where it said `tweet`; see the changed specification of its API.
NEW_NAMES = {
    "tweet.fields": "post.fields",
    "note_tweet": "note_post",
    "referenced_tweets": "referenced_posts",
    "edit_history_tweet_ids": "edit_history_post_ids",
}


class Client(tweepy.Client):  # type: ignore[misc]  # tweepy has no types
    """A tweepy client that gives whole responses; `check` raises where an answer holds no user and no posts."""

    def __init__(self, token: str, api: str, check: Callable[[Answer], None], timeout: tuple[float, float]) -> None:
        # tweepy logs the header that it makes of its token, so it has none
        super().__init__(bearer_token="(not logged)", return_type=requests.Response)  # noqa: S106
        self.session = _Session(_sound(token), api.rstrip("/") or HOST, check, timeout)


def _sound(token: str) -> str:
    """The token without the space around it that files and Secrets have; one that is none must never be quoted."""
    token = token.strip()
    if not token:
        raise CredentialError(f"{X_TOKEN} is not set: X's API needs a bearer token; posts in files need none (--posts)")
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise CredentialError(f"{X_TOKEN} holds letters that no bearer token has; copy it once more")
    return token


class _Session(requests.Session):  # type: ignore[misc]  # nor has requests
    def __init__(self, token: str, api: str, check: Callable[[Answer], None], timeout: tuple[float, float]) -> None:
        super().__init__()
        self._api, self._check, self._timeout = api, check, timeout
        self._new_names = False
        self.auth = _Bearer(token)  # so that no .netrc takes its place either

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Send, and raise where the answer is none that tweepy could go on with."""
        url = url.replace(HOST, self._api, 1)
        try:
            return self._ask(method, url, *args, **kwargs)
        except NamesRefusedError as error:
            if self._new_names:
                raise NotNowError(f"X does not take its own names of fields ({error})") from None
            self._new_names = True
            return self._ask(method, url, *args, **kwargs)

    def _ask(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        if self._new_names:
            kwargs["params"] = renamed(kwargs.get("params") or {})
        try:
            response = super().request(method, url, *args, timeout=self._timeout, **kwargs)
        except requests.RequestException as error:
            raise NotNowError(f"X cannot be reached ({_why(error)})") from None
        self._check(Answer(response.status_code, response.headers, response.content))
        return response


class _Bearer(requests.auth.AuthBase):  # type: ignore[misc]
    """Puts the token on a request when it is sent, and not before."""

    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


def renamed(params: Mapping[str, Any]) -> dict[str, Any]:
    """A question's parameters under X's new names."""
    return {
        NEW_NAMES.get(key, key): ",".join(NEW_NAMES.get(name, name) for name in str(value).split(","))
        for key, value in params.items()
    }


def _why(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return "the answer was cut off"
    root: BaseException = error
    while inner := root.__cause__ or root.__context__:
        root = inner
    return line(f"{type(error).__name__}: {root}")
