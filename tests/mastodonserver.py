"""A server on a loopback socket that speaks as much of Mastodon's API as is asked: look-up, an account's statuses."""

import html
from typing import Any

from tests.socialserver import Answer, Server

LOGIN = "This method requires an authenticated user"


class MastodonServer(Server):
    """Accounts with their statuses, newest first; pages by `max_id` and `since_id`, told in the Link header."""

    LARGEST = 40

    def __init__(self, domain: str = "social.example") -> None:
        super().__init__()
        self.domain = domain
        self.accounts: dict[str, dict[str, Any]] = {}  # by user name in lower case
        self.statuses: dict[str, list[dict[str, Any]]] = {}
        self.gone: dict[str, Answer] = {}  # what is answered of an account, by its id
        self.login = False  # whether statuses are shown to nobody without one

    def account(self, user: str, statuses: list[dict[str, Any]], **fields: Any) -> str:
        """A new account, with statuses as `status` and `boost` make them; returns its id."""
        number = str(109_000_000_000_000_000 + len(self.accounts))
        about = {"id": number, "username": user, "acct": user, "display_name": "Alice ✨", "locked": False}
        about |= {"note": "<p>tea<br>&amp; biscuits</p>", "avatar": "https://cdn.example/a.jpg", "bot": False}
        about |= {"url": f"https://{self.domain}/@{user}", "uri": f"https://{self.domain}/users/{user}"}
        about |= {"created_at": "2022-11-05T00:00:00.000Z", "statuses_count": len(statuses), "followers_count": 7}
        self.accounts[user.lower()] = {**about, "emojis": [], "fields": [], **fields}
        self.statuses[number] = statuses
        return number

    def answer(self, path: str, query: dict[str, str]) -> Answer:
        parts = path.strip("/").split("/")
        if parts == ["api", "v1", "accounts", "lookup"]:
            found = self.accounts.get(query.get("acct", "").lower())
            return self.gone.get(found["id"]) or Answer(200, found) if found else _missing()
        if parts[:3] == ["api", "v1", "accounts"] and parts[4:] == ["statuses"]:
            return self.gone.get(parts[3]) or self._page(parts[3], query)
        return Answer(404, {"error": "Not Found"})

    def _page(self, number: str, query: dict[str, str]) -> Answer:
        if self.login:
            return Answer(401, {"error": LOGIN})
        if number not in self.statuses:
            return _missing()
        limit = min(int(query.get("limit", "20")), self.LARGEST)
        below, above = int(query.get("max_id", 10**30)), int(query.get("since_id", 0))
        left = [status for status in self.statuses[number] if above < int(status["id"]) < below]
        suspended = any(account["id"] == number and account.get("suspended") for account in self.accounts.values())
        page = [] if suspended else left[:limit]
        if not page:
            return Answer(200, page)
        base = f"<{self.url}/api/v1/accounts/{number}/statuses"
        link = f'{base}?max_id={page[-1]["id"]}>; rel="next", {base}?min_id={page[0]["id"]}>; rel="prev"'
        return Answer(200, page, {"Link": link})


def status(number: int, text: str = "", **fields: Any) -> dict[str, Any]:
    """A status; the higher the number, the newer."""
    written = html.escape(text or f"the weather of day {number} is fine")
    when = f"2024-01-02T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000Z"
    about: dict[str, Any] = {"id": str(109_500_000_000_000_000 + number), "created_at": when}
    about |= {"content": f"<p>{written}</p>", "language": "en", "visibility": "public", "in_reply_to_id": None}
    return {**about, "reblog": None, "sensitive": False, "spoiler_text": "", "media_attachments": [], **fields}


def boost(number: int, of: dict[str, Any]) -> dict[str, Any]:
    """Somebody's status, boosted later."""
    return status(number, content="", language=None, reblog=of)


def statuses(count: int) -> list[dict[str, Any]]:
    """So many, newest first: every fifth a boost, every seventh a reply."""
    made = []
    for number in range(count, 0, -1):
        if number % 5 == 0:
            made.append(boost(number, status(10_000 + number, "somebody's words")))
        else:
            made.append(status(number, in_reply_to_id="1" if number % 7 == 0 else None))
    return made


def _missing() -> Answer:
    return Answer(404, {"error": "Record not found"})
