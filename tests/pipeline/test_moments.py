from pipeline import moments


def test_a_moment_is_utc_to_the_millisecond_and_comes_back() -> None:
    assert moments.utc(0) == "1970-01-01T00:00:00.000Z"
    assert moments.moment(moments.utc(1764172800.125)) == 1764172800.125


def test_any_offset_is_read() -> None:
    assert moments.moment("1970-01-01T01:00:00+01:00") == 0
