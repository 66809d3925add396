"""What test_x.py does not show through a socket: forms of answers, clocks, strangers' texts."""

import json
import time
from typing import Any

import pytest

from pipeline.errors import AccountError, CredentialError, HtctlError, SourceRefusedError
from pipeline.sources import x_answers
from pipeline.sources.waiting import Answer, NotNowError
from tests.xserver import problem


def check(status: int, body: Any, **headers: str) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    x_answers.check(Answer(status, {name.replace("_", "-"): text for name, text in headers.items()}, raw), "@alice")


def test_a_user_posts_and_no_posts_are_well() -> None:
    check(200, {"data": {"id": "1"}})
    check(200, {"data": [], "errors": [problem("resource-not-found", "a quoted post is gone")]})
    check(200, {"meta": {"result_count": 0}})


def test_an_error_beside_an_empty_meta_is_an_error() -> None:
    with pytest.raises(AccountError, match="protected"):
        check(200, {"meta": {"result_count": 0}, "errors": [problem("not-authorized-for-resource", "no")]})


@pytest.mark.parametrize("date", ["Thu, 01 Jan 2026 00:00:00 GMT", "nonsense", ""])
def test_the_wait_is_counted_by_x_s_own_clock(date: str) -> None:
    now = 1767225600 if date.startswith("Thu") else time.time()
    with pytest.raises(NotNowError) as raised:
        check(429, {}, X_Rate_Limit_Reset=str(int(now) + 100), Date=date)
    assert raised.value.limited
    assert raised.value.wait == pytest.approx(101, abs=2)


def test_a_stranger_s_text_is_one_plain_line_of_bounded_length() -> None:
    with pytest.raises(HtctlError) as raised:
        check(400, {"detail": "a\n\x1b[31mb\u202e" + "c" * 5000})
    assert "a [31mbccc" in str(raised.value)
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (403, {"errors": "text"}, CredentialError),
        (403, {"errors": [None]}, CredentialError),
        (403, {"errors": [[1]], "type": None}, CredentialError),
        (403, {"errors": {"a": 1}, "detail": 7}, CredentialError),
        (451, {"detail": "legal"}, SourceRefusedError),
        (301, b"", NotNowError),
        (200, b"\xff\xfe", NotNowError),
        (200, b"[" * 100_000, NotNowError),
        (200, b"", NotNowError),
        (599, b"null", NotNowError),
    ],
)
def test_no_form_of_answer_is_a_fault(status: int, body: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        check(status, body)
