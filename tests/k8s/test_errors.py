import pytest

from k8s import errors


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (401, "Unauthorized", errors.UnauthorizedError),
        (403, "Forbidden", errors.ForbiddenError),
        (404, "NotFound", errors.NotThereError),
        (409, "AlreadyExists", errors.AlreadyThereError),
        (409, "Conflict", errors.ClusterError),
        (410, "Expired", errors.GoneError),
        (422, "Invalid", errors.ClusterError),
        (500, "", errors.ClusterError),
    ],
)
def test_an_answer_is_an_error_of_its_kind_with_the_server_s_words(status: int, reason: str, kind: type) -> None:
    error = errors.refusal(status, "bots/alice", {"reason": reason, "message": "no"}, "https://host")
    assert type(error) is kind
    assert str(error).startswith("the cluster at https://host" if status == 401 else "bots/alice: no")


def test_an_answer_without_words_is_told_by_its_number() -> None:
    assert str(errors.refusal(502, "bots/alice", {}, "")) == "bots/alice: HTTP 502"
