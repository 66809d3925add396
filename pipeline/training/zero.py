"""Which ZeRO stage a training takes: how much of the weights, gradients and AdamW's state each process holds."""

import os
from pathlib import Path

import torch

from pipeline.training import engine

ROOM = 0.6  # of a process's memory; the rest is for what is computed on the way
GIB = 2**30
# Bytes a parameter: fp32 weights, their gradients, AdamW's two moments. ZeRO (arXiv 1910.02054, section 3) leaves each
# of N processes, by stage, with this much of them whole, and with an Nth of the rest.
ALL, MOMENTS = 16, 8
WHOLE = {0: 16, 1: 8, 2: 4, 3: 0}


def choose(parameters: int, processes: int, memory: int, *, offload: bool = False) -> tuple[int, str]:
    """The lowest stage whose share leaves room in a process's `memory` (bytes), and why; no reason for the first.

    With `offload` AdamW's moments are elsewhere; the first that can do so is stage 1.
    """
    first, all_ = (1, ALL - MOMENTS) if offload else (0, ALL)
    for stage in range(first, len(WHOLE)):
        share = parameters * (WHOLE[stage] + (all_ - WHOLE[stage]) / processes)
        if processes == 1 or stage == 3 or share <= ROOM * memory:
            break
    if stage == first:
        return first, ""
    plain, told = all_ * parameters / GIB, share / GIB
    held = "gradients" if offload else "gradients and AdamW's state"
    return stage, (
        f"ZeRO stage {stage}: {parameters:,} parameters with {held} take {plain:.1f} GiB, of "
        f"which each of {processes} processes then holds {told:.1f}; it has {memory / GIB:.1f}"
    )


def memory(processes: int) -> int:
    """Bytes that each of so many processes of this machine may use: its GPU's, or its share of the memory."""
    if engine.device() == "cuda":
        return int(torch.cuda.get_device_properties(0).total_memory)
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text(encoding="ascii").strip() if limit.exists() else ""
    return min(there, int(text) if text.isdigit() else there) // processes
