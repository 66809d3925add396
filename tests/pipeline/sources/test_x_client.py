from pathlib import Path

import pytest

from pipeline.errors import CredentialError
from pipeline.sources import x_client
from pipeline.sources.x_client import Client
from tests import xserver


def client(token: str = xserver.TOKEN, api: str = "http://127.0.0.1:9") -> Client:
    return Client(token, api, lambda answer: None, (5.0, 5.0))


def test_new_names_stand_where_the_old_ones_stood() -> None:
    found = x_client.renamed({"tweet.fields": "id,note_tweet,referenced_tweets", "max_results": 100})
    assert found == {"post.fields": "id,note_post,referenced_posts", "max_results": "100"}


def test_the_address_is_the_one_that_was_given() -> None:
    with xserver.running() as server:
        server.account("alice", [])
        assert client(api=f"{server.url}/").get_user(username="alice").status_code == 200


def test_no_netrc_takes_the_token_s_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with xserver.running() as server:
        server.account("alice", [])
        assert client(api=server.url).get_user(username="alice").status_code == 200


def test_the_token_is_no_attribute_that_tweepy_shows() -> None:
    made = client()
    assert xserver.TOKEN not in str(vars(made))


@pytest.mark.parametrize("token", ["", " ", "a b", "a\nb", "ä"])
def test_a_wrong_token_is_refused_unquoted(token: str) -> None:
    with pytest.raises(CredentialError) as raised:
        client(token)
    assert len(token.strip()) < 2 or token not in str(raised.value)
