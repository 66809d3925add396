import pytest

from htctl.submission import Sending
from k8s.errors import ConflictError, QuotaError
from tests.k8s import apiserver
from tests.k8s.apiserver import status
from tests.k8s.test_submit import batch, many


def test_an_answer_that_speaks_for_all_says_how_many_were_sent() -> None:
    with apiserver.running() as (state, cluster):
        sending = Sending(cluster, 60)
        assert (sending.send(many(40)), sending.counts["created"]) == ({}, 40)
        state.script["POST"] = [status(403, "exceeded quota: few")] * 60
        with pytest.raises(QuotaError, match=r"\n       40 of 60 were sent; the same command again sends the rest"):
            sending.send(many(60)[40:])


def test_of_many_refusals_some_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with apiserver.running() as (state, cluster):
        state.script["POST"] = [status(422, "invalid")] * 30
        assert Sending(cluster, 30).send(many(30)).keys() == {job["metadata"]["name"] for job in many(30)}
        assert capsys.readouterr().err.count("error: ") == 10


def test_a_service_that_is_not_htctl_s_ends_it() -> None:
    with apiserver.running() as (state, cluster):
        state.change("ADDED", "Service", {"metadata": {"name": "htctl-nodes"}})
        with pytest.raises(ConflictError, match="Service htctl-nodes: the name is taken"):
            Sending(cluster, 1).send_shared(batch("a", nodes=2))
