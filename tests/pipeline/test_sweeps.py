from pipeline.sweeps import Sweep


def test_what_is_known_already_ends_it_and_does_not_count_again() -> None:
    sweep = Sweep().with_page(["5", "4", "3"], "more", None, frozenset({"3", "2"}))
    assert (sweep.posts, sweep.complete, sweep.newest) == (2, True, "5")


def test_it_ends_where_nobody_wants_more() -> None:
    sweep = Sweep().with_page(["5", "4"], "more", None, wanted=3)
    assert (sweep.complete, sweep.capped) == (False, False)
    sweep = sweep.with_page(["3", "2"], "and more", None, wanted=3)
    assert (sweep.complete, sweep.capped, sweep.cut, sweep.posts) == (True, True, "", 4)
    assert not Sweep().with_page(["5", "4", "3"], "", None, wanted=3).capped  # there was no more


def test_a_cursor_that_comes_again_cuts_it() -> None:
    sweep = Sweep().with_page(["2"], "a", None).with_page(["1"], "a", None)
    assert (sweep.complete, sweep.cut) == (True, "the source gave the same cursor twice")
