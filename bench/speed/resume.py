"""Does a training that is stopped half-way and begun anew end as the unbroken one, to the bit, on this device?"""

import copy
import hashlib
import tempfile
from pathlib import Path

import sides
import torch

BLOCKS = 24


class Kept:
    """Checkpoints in a folder, with what the pipeline's hold: one is made after the step `at`, or the newest read."""

    def __init__(self, folder, at):
        self.folder, self.at, self.progress = str(folder), at, None

    def save(self, running, progress, _best):
        from pipeline.training import checkpoints

        if progress["done"] == self.at:
            running.save_checkpoint(self.folder, tag="engine")
            self.progress, self.states = copy.deepcopy(progress), checkpoints._random_states()

    def load(self, running, _best):
        from pipeline.training import checkpoints

        if self.progress:
            running.load_checkpoint(self.folder, tag="engine")
            checkpoints._restore(self.states)
        return self.progress


def measure(variant, model, parts):
    """Digests of the weights: two unbroken trainings, and one that goes on from the first one's checkpoint."""
    from pipeline.progress import Report
    from pipeline.training.trainer import Trainer

    inputs, targets = (torch.from_numpy(part[:BLOCKS]) for part in parts)
    settings = sides.settings(variant, inputs, checkpoint_minutes=0)
    first, digests = copy.deepcopy(model.state_dict()), {}
    with tempfile.TemporaryDirectory() as folder:
        kept = Kept(folder, BLOCKS // 2)
        for name in ("unbroken", "resumed", "unbroken again"):
            fresh = copy.deepcopy(model)
            fresh.load_state_dict(first)
            torch.manual_seed(0)
            kept = kept if name == "resumed" else Kept(folder, BLOCKS // 2) if name == "unbroken" else None
            trainer = Trainer(fresh, sides.Blocks(inputs, targets), settings, Path(folder) / name, None, kept)
            trainer.run(Report())
            digest = hashlib.sha256()
            for weights in fresh.state_dict().values():
                digest.update(weights.cpu().numpy().tobytes())
            digests[name] = digest.hexdigest()[:16]
    equal = {name: digests[name] == digests["unbroken"] for name in ("resumed", "unbroken again")}
    return {"digests": digests, "equal_to_the_bit": equal, "last_loss": trainer.history[-1]["loss"]}
