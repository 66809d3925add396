import pytest

from pipeline.cards import escape


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 日本語 🐤.", "plain words, 日本語 🐤."),
        ("a | b", r"a \| b"),
        ("<script>alert(1)</script>", r"&lt;script&gt;alert\(1\)&lt;/script&gt;"),
        ("[x](http://y)", r"\[x\]\(http&#58;//y\)"),
        ("two\nlines", "two lines"),
        ("# no heading", r"\# no heading"),
        ("---", r"\-\-\-"),
        ("salt & pepper", "salt &amp; pepper"),
        ("h_ototake", r"h\_ototake"),
        ("\u202eturned", "turned"),
        ("2026. What a year", r"2026\. What a year"),
        ("see http://x.y or www.x.y", "see http&#58;//x.y or www&#46;x.y"),
        ("`code` *bold* ~~gone~~", r"\`code\` \*bold\* \~\~gone\~\~"),
    ],
)
def test_strangers_text_is_shown_and_not_obeyed(text: str, shown: str) -> None:
    assert escape.markdown(text) == shown
