"""Moments as text: what is written is UTC, ISO 8601."""

import time


def utc(seconds: float | None = None) -> str:
    """A moment (seconds since 1970; None: now) as ISO 8601, to the millisecond."""
    at = time.time() if seconds is None else seconds
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at))}.{int(at * 1000) % 1000:03d}Z"


def moment(text: str) -> float:
    """The inverse of `utc`, for any ISO 8601."""
    import datetime  # here, since it costs milliseconds: this file is on the way of htctl --help

    return datetime.datetime.fromisoformat(text).timestamp()
