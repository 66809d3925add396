"""Only where there is a GPU: what is replayed is what would have been computed."""

import subprocess
import sys

import pytest
import torch

CODE = """
import os, torch
from pipeline.training import engine
from pipeline.training import tiny
from pipeline.settings import Train
from pipeline.training.recorded import Recorded

torch.manual_seed(0)
model = tiny.model(101, 0, 16, 0)
running = engine.start(model, Train(batch_size=2, precision="bf16"), 3)
tokens = torch.randint(1, 101, (2, 2, 17), device="cuda")
batches = [(part[:, :-1].contiguous(), part[:, 1:].contiguous()) for part in tokens]

def gradients():
    return [weights.grad.clone() for weights in model.parameters()]

def computed(batch):
    running.zero_grad()
    loss = running.summed_loss(*batch) / 32
    running.backward(loss)
    return loss.detach().clone(), gradients()

running.eval()  # without dropout
before = [weights.detach().clone() for weights in model.parameters()]  # no graph: it would hold the recording back
state = torch.cuda.get_rng_state()
recorded = Recorded(running, running.summed_loss, batches[0])
print(torch.equal(state, torch.cuda.get_rng_state()), all(map(torch.equal, before, model.parameters())))
for batch in (batches[1], batches[0], batches[1]):
    loss = recorded(batch, 32).clone()
    replayed = gradients()
    plain, wanted = computed(batch)
    torch.testing.assert_close(loss, plain)
    torch.testing.assert_close(replayed, wanted, rtol=1e-4, atol=1e-6)

running.train()  # with dropout: other draws each time, the same from the same state
recorded = Recorded(running, running.summed_loss, batches[0])
state = torch.cuda.get_rng_state()
first, second = (float(recorded(batches[0], 32)) for _ in range(2))
torch.cuda.set_rng_state(state)
print(first != second, float(recorded(batches[0], 32)) == first, flush=True)
os._exit(0)
"""


@pytest.mark.slow
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_what_is_replayed_is_what_would_have_been_computed() -> None:
    result = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert result.stdout.split() == ["True"] * 4, result.stderr
