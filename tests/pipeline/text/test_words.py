import pytest

from pipeline.text import words


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("just two", 2),
        ("@alice hello #tag http://x.y z", 2),
        ("HTTP://UPPER word", 1),
        ("a@b c#d e", 1),
        ("안녕하세요 여러분 반갑습니다", 3),
        ("🎉 🎉 🎉", 3),
        ("", 0),
    ],
)
def test_both_counts_agree_where_words_have_spaces(text: str, count: int) -> None:
    assert words.by_spaces(text) == count
    assert words.by_dictionary(text) == count


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("今日はとても楽しかったです", 5),
        ("@ochyai ありがとうございます", 3),
        ("今天天气很好我们去公园玩", 5),
        ("วันนี้อากาศดีมากเราไปเที่ยวกัน", 5),
        ("ខ្ញុំចង់ទៅផ្សារនៅថ្ងៃនេះ", 3),
        ("今日は GitHub を見た", 4),
    ],
)
def test_scripts_without_spaces_are_divided_by_a_dictionary(text: str, least: int) -> None:
    assert words.by_dictionary(text) >= least
    assert words.by_dictionary(text) > words.by_spaces(text)


@pytest.mark.parametrize("text", ["おはよう", "草", "ありがとう！", "。。。", "สวัสดี"])
def test_one_word_stays_one_word(text: str) -> None:
    assert words.by_dictionary(text) == 1


def test_marks_are_no_words() -> None:
    assert words.by_dictionary("です。、！？") == 1


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("楽しかった！今日はとても#旅行", 4),
        ("ありがとう！@bobさん、今日は楽しかったです", 5),
        ("วันนี้อากาศดีมาก#กรุงเทพ", 4),
        ("今日はhttps://t.co/abcとても楽しかったです", 5),
    ],
)
def test_a_tag_mention_or_link_takes_only_itself_out_of_a_run(text: str, least: int) -> None:
    assert words.by_dictionary(text) >= least


@pytest.mark.parametrize("text", ["#旅行", "＃旅行の写真 @bob", "#กรุงเทพมหานคร", "https://t.co/x"])
def test_tags_mentions_and_links_alone_are_no_words(text: str) -> None:
    assert words.by_dictionary(text) == 0
