from pipeline.errors import SourceRefusedError
from pipeline.sources.network import CursorRefusedError, Profile


def test_a_refused_cursor_is_a_refusal_where_nobody_knows_a_way_round() -> None:
    assert issubclass(CursorRefusedError, SourceRefusedError)


def test_a_profile_is_the_one_that_the_index_keeps() -> None:
    assert Profile.__module__ == "pipeline.accounts"
