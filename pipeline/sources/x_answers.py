"""What X's API may answer that is no post: each answer by its name, as an error with its exit code."""

from typing import Any, NamedTuple

from pipeline.config import X_TOKEN
from pipeline.errors import AccountError, CredentialError, HtctlError, SourceRefusedError
from pipeline.sources.network import CursorRefusedError, OddAnswerError, PerhapsGoneError
from pipeline.sources.waiting import KEPT, Answer, NotNowError, clock, line


class NamesRefusedError(Exception):
    """X does not know the question's fields by the names that they were asked by."""


def check(answer: Answer, who: str) -> None:
    """Return if the answer is one that holds a user or posts; else raise what it is, about account `who`."""
    value = answer.value
    problem = _problem(value)
    if answer.status == 429:
        _raise_limit(answer, problem)
    if answer.status >= 500:
        raise NotNowError(f"X answers {answer.status}")
    if answer.status >= 400:
        raise _refusal(answer.status, problem, who)
    if answer.status != 200 or not isinstance(value, dict):
        raise NotNowError(f"X answers {answer.status} with what is no JSON object ({_start(answer.body)})")
    if "data" in value or (problem.is_none and "meta" in value):
        return
    if problem.is_none:
        raise NotNowError(f"X answers with neither data nor errors ({_start(answer.body)})")
    raise _of_app(problem) or _of_account(problem, who) or _odd(answer.status, problem, who)


class _Problem(NamedTuple):
    """The first error of an answer; its type without the host, which differs between X's own texts."""

    kind: str = ""
    detail: str = ""
    reason: str = ""  # of a refusal: what the app lacks

    @property
    def is_none(self) -> bool:
        return not any(self)


def _problem(value: Any) -> _Problem:
    if not isinstance(value, dict):
        return _Problem()
    errors = value.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    first = first if isinstance(first, dict) else {"detail": first}
    both = {**value, **{key: found for key, found in first.items() if found}}
    lacking = [both.get(key) for key in ("reason", "required_enrollment", "registration_url")]
    text = next((both[key] for key in ("detail", "message", "title") if both.get(key)), "")
    kind = str(both.get("type") or "").rstrip("/").rpartition("/")[2]
    return _Problem(kind, line(text), line(", ".join(str(each) for each in lacking if each)))


def _raise_limit(answer: Answer, problem: _Problem) -> None:
    if refused := _of_app(problem):
        raise refused
    headers = {name.lower(): text for name, text in answer.headers.items()}
    try:
        wait = float(headers["x-rate-limit-reset"]) - clock(headers) + 1
    except (KeyError, ValueError):
        raise NotNowError("X's rate limit is used up", limited=True) from None
    raise NotNowError("X's rate limit is used up", limited=True, wait=wait)


def _refusal(status: int, problem: _Problem, who: str) -> Exception:
    if status == 400 and "pagination_token" in problem.detail:
        return CursorRefusedError(f"X no longer takes its page token for {who}; {KEPT}")
    if status == 400 and any(name in problem.detail for name in ("tweet.fields", "post.fields")):
        return NamesRefusedError(problem.detail)
    if status == 401:
        return CredentialError(f"X refuses the bearer token (401); put one that is valid into {X_TOKEN}")
    if status == 402:
        return SourceRefusedError(f"the credits for X's API are used up (402); buy more, then run again: {KEPT}")
    found = _of_app(problem) or _of_account(problem, who)
    if found:
        return found
    if status == 403:
        return CredentialError(f"X gives this app no access (403: {_say(problem)}); ask X for it, or take another app")
    if status == 404:
        return PerhapsGoneError(
            f"X knows no {who} (404): misspelt, renamed, suspended or deleted; mend or leave it out"
        )
    return _odd(status, problem, who)


def _of_account(problem: _Problem, who: str) -> HtctlError | None:
    """What an error says of the account."""
    text = problem.detail.lower()
    if "suspend" in text:
        return AccountError(f"X has suspended {who}; leave it out")
    if "withheld" in text or "withheld" in problem.kind:
        return AccountError(f"X withholds {who} where this app is ({problem.detail}); leave it out")
    if problem.kind == "not-authorized-for-resource":
        return AccountError(protected(who))
    if problem.kind == "resource-not-found":
        return AccountError(f"X knows no {who}: misspelt, renamed or deleted; mend or leave it out")
    return None


def _of_app(problem: _Problem) -> HtctlError | None:
    """What an error says of the app whose token this is."""
    if problem.kind == "usage-capped":
        text = "the app has read as many posts from X as it may in a month (usage capped)"
        return SourceRefusedError(f"{text}; have the cap raised or wait for its end, then run again: {KEPT}")
    if problem.kind in ("client-forbidden", "unsupported-authentication", "oauth1-permissions"):
        return CredentialError(f"X gives this app no access ({problem.kind}: {_say(problem)}); ask X for it")
    return None


def _odd(status: int, problem: _Problem, who: str) -> HtctlError:
    return OddAnswerError(f"X answers {status} about {who}: {_say(problem)}; is htctl too old for X's API?")


def protected(who: str) -> str:
    """What is said of an account whose posts are for its followers only."""
    return f"{who} is protected: X shows its posts to its followers only; leave it out, or use its owner's archive"


def renamed(who: str, now: str) -> AccountError:
    """The account goes by another name now."""
    return AccountError(f"{who} is called @{now} at X now; write that")


def _say(problem: _Problem) -> str:
    return "; missing: ".join(part for part in (problem.detail, problem.reason) if part) or problem.kind or "no reason"


def _start(body: bytes) -> str:
    return line(body[:200].decode("utf-8", "replace"))[:60] or "nothing"
