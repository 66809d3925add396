import socket
import threading
from pathlib import Path

import pytest

from pipeline.errors import TryLaterError
from pipeline.nodes import ALONE, Node
from pipeline.training import meeting


@pytest.fixture
def port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_on_one_node_they_meet_at_a_file(tmp_path: Path) -> None:
    met = [meeting.at(tmp_path / "meeting", ALONE, rank, 2, 5) for rank in range(2)]
    met[0].set("word", "heard")
    assert met[1].get("word") == b"heard"


def test_whoever_comes_before_the_first_is_waited_for(tmp_path: Path, port: int) -> None:
    found: dict[int, bytes] = {}
    held = []  # the first one's serves the other

    def come(rank: int) -> None:
        met = meeting.at(tmp_path, Node(rank, 2, "localhost", port), rank, 2, 20)
        held.append(met)
        met.set(f"word {rank}", str(rank))
        found[rank] = met.get(f"word {1 - rank}")

    second = threading.Thread(target=come, args=(1,))
    second.start()
    second.join(1)
    assert second.is_alive()
    come(0)
    second.join(20)
    assert found == {0: b"1", 1: b"0"}


def test_who_waits_in_vain_says_where_and_for_whom(tmp_path: Path, port: int) -> None:
    with pytest.raises(TryLaterError, match=rf"node 0 of 3: 1 of 3 processes came to localhost:{port} within 0\.5 s"):
        meeting.at(tmp_path, Node(0, 3, "localhost", port), 0, 3, 0.5)
    with pytest.raises(TryLaterError, match=r"node 1 of 2: nobody answers at no-such-name\.invalid:1 within 0\.5 s: "):
        meeting.at(tmp_path, Node(1, 2, "no-such-name.invalid", 1), 1, 2, 0.5)
