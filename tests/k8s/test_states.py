from k8s.states import OVER, WAITING, WELL, Group, GroupState, Phase


def test_what_is_well_is_over_and_what_waits_is_not() -> None:
    assert set(WELL) < set(OVER)
    assert not set(WAITING) & set(OVER)
    assert GroupState(Group("a", "r", "j"), Phase.FAILED).over
    assert not GroupState(Group("a", "r", "j"), Phase.UNKNOWN).over
