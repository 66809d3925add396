"""Does a larger batch keep the held-out loss? The recipe's four epochs at every batch size, its rate scaled.

From random weights, and, where there are two posts files, from weights that learnt the other file first: no
pretrained GPT-2 is at hand, and a model that knows something already is nearer to one.
"""

import copy

import data
import heads
import sides
import torch

SIZES = (2, 4, 8, 16, 32)
RULES = {"sqrt": lambda size: size**0.5, "linear": float}


def measure(variant, model, arrays, scored, size, left):
    """Held-out bits per byte for each start, batch size and rule; ends early when `left()` says so."""
    found, count = [], sum(name.startswith("four") for name in arrays)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device)
    heads.lean(model)
    starts = {"random": copy.deepcopy(model.state_dict())}
    orders = [(0, "random")]
    if count > 1:
        orders += [(0, "after the other posts"), (1, "random")]
    for number, start in orders:
        if start not in starts:
            model.load_state_dict(starts["random"])
            _train(model, arrays, 1, size, 1, sides.RATE)
            starts[start] = copy.deepcopy(model.state_dict())
        for seed in range(variant["seeds"]):
            for batch, rule in [(1, "sqrt"), *((batch, rule) for batch in SIZES for rule in RULES)]:
                if not left():
                    return found
                model.load_state_dict(starts[start])
                torch.manual_seed(seed)
                rate = sides.RATE * RULES[rule](batch)
                steps = _train(model, arrays, number, size, batch, rate)
                found.append({"posts": number, "start": start, "seed": seed, "batch": batch, "rule": rule,
                              "rate": rate, "steps": steps, "bits_per_byte": scored(model, number)})  # fmt: skip
    return found


def _train(model, arrays, number, size, batch, rate):
    variant = {"batch": batch, "rate": rate, "precision": "bf16", "optimizer": "fused", "compile": "", "lean": False,
               "head": "full", "pad": 1, "cache": False}  # fmt: skip
    inputs, targets = (torch.from_numpy(part) for part in data.blocks(arrays[f"four{number}"], size))
    sides.plain(variant, model, inputs, targets, _NoClock())
    return sides.steps(variant, inputs)


class _NoClock:
    def now(self, step):
        pass
