import pytest

from pipeline import handles
from pipeline.handles import Account

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("jack", Account("x", "jack")),
        (" @Jack ", Account("x", "Jack")),
        ("bluesky:alice.bsky.social", Account("bluesky", "alice.bsky.social")),
        ("bluesky: @Alice.bsky.social", Account("bluesky", "Alice.bsky.social")),
        ("mastodon:@user@server.org", Account("mastodon", "user@server.org")),
        (DID, Account("x", DID)),
        (f"bluesky:{DID}", Account("bluesky", DID)),
        ("nowhere:a", Account("nowhere", "a")),
        ("https://x.com/jack", Account("x", "https://x.com/jack")),
        (":a", Account("x", ":a")),
    ],
)
def test_an_account_names_its_source_or_is_at_the_group_s(text: str, account: Account) -> None:
    assert handles.parse(text, "x") == account


@pytest.mark.parametrize(
    "handle",
    ["alice.bsky.social", "Alice.BSKY.social", "alice.com", "a-b.co.uk", "xn--bcher-kva.example", DID, "did:web:a.com"],
)
def test_bluesky_s_handles(handle: str) -> None:
    assert handles.BLUESKY.fullmatch(handle)


@pytest.mark.parametrize(
    "handle",
    [
        "alice",
        "alice.",
        ".com",
        "-a.com",
        "a-.com",
        "a_b.com",
        "127.0.0.1",
        "a.1",
        "bücher.de",
        "did:plc:short",
        "did:key:abc",
        "a@b.com",
        "a.com/x",
        "a b.com",
        "",
        "a.com:80",
        f"{'a' * 64}.com",
        "a." * 126 + "comm",
    ],
)
def test_what_is_no_handle_of_bluesky(handle: str) -> None:
    assert not handles.BLUESKY.fullmatch(handle)


@pytest.mark.parametrize("handle", ["user@mastodon.social", "U_1.b-c@a.b.example", "a@xn--bcher-kva.example"])
def test_mastodon_s_handles(handle: str) -> None:
    assert handles.MASTODON.fullmatch(handle)


@pytest.mark.parametrize(
    "handle",
    [
        "user",
        "user@localhost",
        "user@127.0.0.1",
        "user@[::1]",
        "user@a.com:80",
        "user@a.com/x",
        "a@b@c.com",
        "@a.com",
        ".a@b.com",
        "a.@b.com",
        "a b@c.com",
        "ü@b.com",
        "user@",
        "user@-a.com",
    ],
)
def test_what_is_no_handle_of_mastodon(handle: str) -> None:
    assert not handles.MASTODON.fullmatch(handle)


def test_every_example_has_the_form_that_it_shows() -> None:
    from pipeline.handles import HANDLES

    for source, pattern in HANDLES.items():
        for example in handles.EXAMPLES[source].replace(" or ", ", ").split(", "):
            assert pattern.fullmatch(example), example


def test_a_group_goes_by_its_names() -> None:
    assert handles.names("x:Jack+bluesky:alice.bsky.social") == ["alice.bsky.social", "jack"]
    assert handles.names("@jack+Alice.bsky.social") == ["alice.bsky.social", "jack"]


def test_the_source_that_all_have_is_the_group_s() -> None:
    alice, jack = Account("bluesky", "Alice.com"), Account("x", "jack")
    assert handles.main_source([alice], "x") == "bluesky"
    assert handles.main_source([alice, jack], "jsonl") == "jsonl"
    assert handles.main_source([], "x") == "x"
    assert handles.others([alice, jack], "x") == {"alice.com": "bluesky"}


def test_handles_with_the_sources_that_are_not_the_group_s() -> None:
    assert handles.qualified(["Alice.com", "jack"], {"alice.com": "bluesky"}) == ("bluesky:Alice.com", "jack")


@pytest.mark.parametrize(
    ("source", "given", "says"),
    [
        ("bluesky", ["alice"], "'alice' is not a handle of source bluesky; one is alice.bsky.social"),
        ("mastodon", ["alice"], "'alice' is not a handle of source mastodon; one is alice@mastodon.social"),
        ("jsonl", ["bluesky:alice"], "'alice' is not a handle of source bluesky"),
        ("jsonl", ["blusky:alice.com"], "'blusky:alice.com': 'blusky' is no source; there are jsonl, archive"),
        ("mastodon", ["https://a.org/@u"], "'https://a.org/@u' is not a handle of source mastodon; one is alice@mast"),
        ("x", ["https://x.com/mia"], "'https://x.com/mia' is not a handle of source x; write mia"),
        ("jsonl", ["alice.com", "bluesky:Alice.com"], "@alice.com is named twice"),
        ("bluesky", ["did:plc:a"], "'did:plc:a' is not a handle of source bluesky"),
    ],
)
def test_a_handle_that_its_source_cannot_have(source: str, given: list[str], says: str) -> None:
    found = handles.wrong_handles(source, given)
    assert [problem.path for problem in found] == [("handles",)]
    assert says in found[0].text


def test_handles_of_all_sources_are_accepted() -> None:
    assert handles.wrong_handles("jsonl", ["Jack", "bluesky:alice.com", "mastodon:a@b.example", "archive:ann"]) == []
