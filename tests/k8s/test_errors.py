import pytest

from k8s.errors import (
    AlreadyThereError,
    ClusterError,
    ForbiddenError,
    GoneError,
    InvalidError,
    NotThereError,
    QuotaError,
    UnauthorizedError,
    refusal,
)

QUOTA = 'jobs.batch "a" is forbidden: exceeded quota: few, requested: count/jobs.batch=1, used: ..., limited: ...'
WEBHOOK = 'admission webhook "images.example" denied the request: no tag'


@pytest.mark.parametrize(
    ("status", "message", "reason", "raised", "hint"),
    [
        (403, QUOTA, "Forbidden", QuotaError, "have the quota raised"),
        (400, WEBHOOK, "", ForbiddenError, "no tag"),
        (404, 'namespaces "x" not found', "NotFound", NotThereError, "kubectl create namespace"),
        (404, 'jobs.batch "a" not found', "NotFound", NotThereError, "not found"),
        (409, "a already exists", "AlreadyExists", AlreadyThereError, "exists"),
        (409, "the object has been modified", "Conflict", ClusterError, "modified"),
    ],
)
def test_what_the_server_says_is_an_error_of_its_kind(
    status: int, message: str, reason: str, raised: type[ClusterError], hint: str
) -> None:
    error = refusal(status, "bots/a", {"message": message, "reason": reason}, "https://host")
    assert type(error) is raised
    assert str(error).startswith("bots/a: ")
    assert hint in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(("status", "kind"), [(401, UnauthorizedError), (410, GoneError), (422, InvalidError)])
def test_so_is_a_status_that_speaks_for_itself(status: int, kind: type[ClusterError]) -> None:
    assert type(refusal(status, "bots/a", {"message": "no"}, "https://host")) is kind


def test_an_answer_without_words_is_told_by_its_number() -> None:
    assert "HTTP 502" in str(refusal(502, "bots/a", {}, ""))
