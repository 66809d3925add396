"""A server on a loopback socket that speaks as much of Bluesky's AppView as is asked: profiles, feeds of authors."""

from typing import Any

from tests.socialserver import Answer, Server

INVALID = "InvalidRequest"


class BlueskyServer(Server):
    """Accounts with their feeds, newest first. A cursor is the moment of the last item, as on the real one."""

    LARGEST = 100

    def __init__(self) -> None:
        super().__init__()
        self.profiles: dict[str, dict[str, Any]] = {}  # by DID
        self.feeds: dict[str, list[dict[str, Any]]] = {}
        self.gone: dict[str, Answer] = {}  # what is answered of an account, by DID

    def account(self, handle: str, feed: list[dict[str, Any]], **fields: Any) -> str:
        """A new account, with items as `post` and `repost` make them; returns its DID."""
        did = f"did:plc:{len(self.profiles):a>24}".translate(str.maketrans("0189", "wxyz"))
        about = {"did": did, "handle": handle, "displayName": "Alice ✨", "description": "tea\n& biscuits"}
        about |= {"avatar": "https://cdn.example/a.jpg", "createdAt": "2023-04-05T06:07:08.9Z", "labels": []}
        about |= {"postsCount": len(feed), "followersCount": 7, "followsCount": 1, "associated": {"lists": 0}}
        self.profiles[did] = {**about, **fields}
        self.feeds[did] = feed
        return did

    def gone_as(self, did: str, error: str, message: str, status: int = 400) -> None:
        """Every question about the account is refused so."""
        self.gone[did] = Answer(status, {"error": error, "message": message})

    def answer(self, path: str, query: dict[str, str]) -> Answer:
        method = path.removeprefix("/xrpc/")
        if method not in ("app.bsky.actor.getProfile", "app.bsky.feed.getAuthorFeed") or method == path:
            return Answer(501, {"error": "MethodNotImplemented", "message": "Method Not Implemented"})
        actor = query.get("actor", "")
        if not actor.startswith("did:") and "." not in actor:
            return Answer(400, {"error": INVALID, "message": "Error: actor must be a valid did or a handle"})
        did = next((d for d, p in self.profiles.items() if actor.lower() in (d, p["handle"].lower())), "")
        if not did:
            return Answer(400, {"error": INVALID, "message": "Profile not found"})
        if did in self.gone:
            return self.gone[did]
        return Answer(200, self.profiles[did]) if "Profile" in method else self._feed(did, query)

    def _feed(self, did: str, query: dict[str, str]) -> Answer:
        limit = int(query.get("limit", "50"))
        if not 1 <= limit <= self.LARGEST:
            return Answer(400, {"error": INVALID, "message": f"Error: limit can not be greater than {self.LARGEST}"})
        left = [item for item in self.feeds[did] if not query.get("cursor") or _when(item) < query["cursor"]]
        if query.get("filter", "posts_with_replies") == "posts_no_replies":
            left = [item for item in left if "reply" not in item["post"]["record"]]
        page = left[:limit]
        return Answer(200, {"feed": page, **({"cursor": _when(page[-1])} if len(left) > limit else {})})


def post(number: int, text: str = "", did: str = "did:plc:alice", **record: Any) -> dict[str, Any]:
    """An item of a feed; the higher the number, the newer."""
    when = moment(number)
    about = {"$type": "app.bsky.feed.post", "text": text or f"the weather of day {number} is fine", "createdAt": when}
    view = {"uri": f"at://{did}/app.bsky.feed.post/{number:013}", "cid": f"bafy{number}", "indexedAt": when}
    view |= {"author": {"did": did, "handle": "alice.example"}, "record": {**about, "langs": ["en"], **record}}
    return {"post": {**view, "replyCount": 0, "repostCount": 0, "likeCount": 0, "labels": []}}


def repost(number: int, item: dict[str, Any], **reason: Any) -> dict[str, Any]:
    """Somebody's item, reposted later."""
    by = {"did": "did:plc:alice", "handle": "alice.example"}
    own = {"$type": "app.bsky.feed.defs#reasonRepost", "by": by, "indexedAt": moment(number)}
    return {**item, "reason": {**own, "uri": f"at://did:plc:alice/app.bsky.feed.repost/{number:013}", **reason}}


def feed(count: int) -> list[dict[str, Any]]:
    """So many items, newest first: every fifth a repost, every seventh a reply."""
    reply = {"root": {"uri": "at://x", "cid": "y"}, "parent": {"uri": "at://x", "cid": "y"}}
    items = []
    for number in range(count, 0, -1):
        if number % 5 == 0:
            items.append(repost(number, post(number, "somebody's words", "did:plc:bob")))
        else:
            items.append(post(number, **({"reply": reply} if number % 7 == 0 else {})))
    return items


def moment(number: int) -> str:
    """A moment for a number; later for a higher one."""
    return f"2024-01-{1 + number // 86400:02}T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000Z"


def _when(item: dict[str, Any]) -> str:
    return str(item.get("reason", {}).get("indexedAt") or item["post"]["indexedAt"])
