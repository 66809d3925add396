import pytest
import torch
from torch.distributed import DistBackendError

from pipeline.training import group
from pipeline.training.group import ALONE, Group
from pipeline.training.packing import IGNORED


def test_one_alone_has_it_all() -> None:
    batch, loss = torch.ones(3, 4), torch.tensor(0.5)
    state = torch.get_rng_state()
    ALONE.seed(0, 1)
    assert torch.equal(torch.get_rng_state(), state)
    assert ALONE.share(batch, batch)[0] is batch
    assert ALONE.add(loss) is loss
    assert ALONE.any(stop=True, due=False) == (True, False)
    assert ALONE.told(True)
    assert not ALONE.told(False)


@pytest.mark.parametrize(("blocks", "size"), [(8, 4), (7, 4), (4, 3), (2, 4), (1, 2)])
def test_shares_are_the_whole_and_differ_by_one_block_at_most(blocks: int, size: int) -> None:
    batch = torch.arange(blocks)[:, None].expand(blocks, 3)
    shares = [Group(rank, size).share(batch, batch) for rank in range(size)]
    assert [len(inputs) for inputs, _ in shares] == [len(targets) for _, targets in shares]
    counted = [targets[targets != IGNORED] for _, targets in shares]
    assert torch.cat(counted).tolist() == batch.flatten().tolist()
    assert {len(inputs) for inputs, _ in shares} <= {max(1, blocks // size), -(-blocks // size)}


def test_each_draws_its_own_at_each_step_and_the_same_again() -> None:
    def draw(rank: int, seed: int, step: int) -> float:
        Group(rank, 2).seed(seed, step)
        return float(torch.rand(()))

    assert draw(1, 7, 3) == draw(1, 7, 3)
    assert len({draw(0, 7, 3), draw(1, 7, 3), draw(0, 7, 4), draw(0, 8, 3)}) == 4


def test_gradients_are_added_up_a_bucket_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """With another process that has the very same ones."""
    asked: list[int] = []

    def all_reduce(whole: torch.Tensor) -> None:
        asked.append(whole.numel())
        whole.mul_(2)

    monkeypatch.setattr(group.distributed, "all_reduce", all_reduce)
    monkeypatch.setattr(group, "BUCKET", 10)
    weights = [torch.zeros(shape) for shape in ((2, 3), (4,), (3, 5), (1,))] + [torch.zeros(2, dtype=torch.bfloat16)]
    for number, part in enumerate(weights, 1):
        part.grad = torch.full_like(part, number)
    Group(0, 2).add_gradients([*weights, torch.zeros(9)])
    assert asked == [10, 15, 1, 2]
    assert [part.grad.unique().tolist() for part in weights] == [[2], [4], [6], [8], [10]]


def test_what_the_others_did_is_told_apart() -> None:
    lost = [RuntimeError("[/src/gloo/tcp/pair.cc:5] Connection\nclosed"), DistBackendError("Connection closed")]
    for error in lost:
        match = "rank 1 of 2 lost the others: .*Connection closed"
        with pytest.raises(group.LostError, match=match), Group(1, 2).connected():
            raise error
    with pytest.raises(RuntimeError, match=r"^no space left$"), Group(1, 2).connected():
        raise RuntimeError("no space left")
