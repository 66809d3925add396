import html

import hypothesis.strategies as st
import pytest
from hypothesis import given

from pipeline.sources import markup, plain
from tests.pipeline.sources.test_plain import PLAIN, cleaned

MENTION = '<span class="h-card"><a href="https://b.example/@bo" class="u-url mention">@<span>bo</span></a></span>'
TAG = '<a href="https://b.example/tags/tea" class="mention hashtag" rel="tag">#<span>tea</span></a>'
LINK = (
    '<a href="https://example.com/a/very/long?x=1&amp;y=2" rel="nofollow"><span class="invisible">https://</span>'
    '<span class="ellipsis">example.com/a/ve</span><span class="invisible">ry/long?x=1&amp;y=2</span></a>'
)
MARKUP = st.lists(
    st.sampled_from(
        [
            "<",
            ">",
            "</",
            "<p>",
            "</p>",
            "<a href='",
            '<a class="mention">',
            "</a>",
            "<br",
            "/>",
            "<!",
            "<![",
            "]]>",
            "<!--",
            "-->",
            "<!DOCTYPE",
            "&",
            "&lt;",
            "&#xD800;",
            "&#0;",
            "<?",
            "<script>",
            "</script>",
            '"',
            "'",
            "x",
        ]
    )
    | st.text(max_size=5)
).map("".join)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("<p>one<br>two<br />three</p><p>four</p>", "one\ntwo\nthree\nfour"),
        (f"<p>{MENTION} {TAG} see {LINK}</p>", "@bo #tea see https://example.com/a/very/long?x=1&y=2"),
        ("<p>tea &amp; milk &lt;3 &#39;n&#39; &quot;so&quot;</p>", "tea & milk <3 'n' \"so\""),
        ("<p>write &amp;amp; for an and</p>", "write &amp;amp; for an and"),
        ("<p>&amp;<b>amp;</b></p>", "&amp;amp;"),
        ('<p><a href="https://example.com">my shop</a></p>', "my shop https://example.com"),
        ('<p><a href="https://a.b/@Bo">@Bo@a.b</a> <a href="https://a.b/t/x">#x</a></p>', "@Bo@a.b #x"),
        ('<p class="quote-inline">RE: <a href="https://a.b/1">https://a.b/1</a><br>x</p><p>so true</p>', "so true"),
        ('<p>so true<span class="quote-inline"><br/><br/>RE: <a href="https://a.b/1">x</a></span></p>', "so true"),
        ("<ul><li>one</li><li>two</li></ul><blockquote><p>three</p></blockquote>", "one\ntwo\nthree"),
        ("<p>open <a href='https://a.com'>link", "open link https://a.com"),
        ("<p>no <a>address</a> <a href>at</a> <a href=''>all</a></p>", "no address at all"),
        ("plain\ntext", "plain\ntext"),
        ("", ""),
        ("<script>alert(1)</script><style>p {}</style>", ""),
        ("a<img src=x onerror=y>b<wbr>c", "abc"),
        ("<p>i <3 u</p>", "i <3 u"),
    ],
)
def test_html_as_servers_write_it(given: str, text: str) -> None:
    assert markup.text(given) == text


@given(MARKUP)
def test_no_html_is_too_broken(given: str) -> None:
    markup.text(given).encode()


@given(st.lists(PLAIN, max_size=4))
def test_every_text_comes_back_from_its_html(paragraphs: list[str]) -> None:
    """But for NUL and the like, which HTML has not, and the spaces, which cleaning joins."""
    sound = [plain.sound(text).replace("\x00", "").replace("\r", "\n") for text in paragraphs]
    written = "".join(f"<p>{html.escape(text)}</p>" for text in sound)
    assert cleaned(markup.text(written)) == cleaned(plain.assemble([plain.Piece("\n".join(sound))]))
