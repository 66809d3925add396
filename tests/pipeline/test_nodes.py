import pytest

from pipeline import nodes
from pipeline.errors import ConfigError
from pipeline.nodes import ALONE, Node


def said(*values: str) -> dict[str, str]:
    return dict(zip(nodes.VARIABLES, values, strict=True))


def test_a_node_is_what_the_job_says() -> None:
    found = nodes.here(said("alice-0.htctl-nodes", "29500", "2", "1", "8"))
    assert found == Node(1, 2, "alice-0.htctl-nodes", 29500)
    assert str(found) == "node 1 of 2"
    assert not found.is_first


def test_who_is_told_of_no_others_is_alone() -> None:
    assert nodes.here({}) == nodes.here(said("", "", "1", "0", "4")) == ALONE
    assert ALONE.is_first


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (("a", "port", "2", "1", "1"), "must be numbers, not 'port', '2', '1'"),
        (("a", "1", "2", "2", "1"), "PET_NODE_RANK 2, of 2 nodes"),
        (("", "1", "2", "1", "1"), "MASTER_ADDR is ''"),
    ],
)
def test_what_cannot_be_is_one_line(values: tuple[str, ...], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        nodes.here(said(*values))
